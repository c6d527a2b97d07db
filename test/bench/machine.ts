import { cpus, release, totalmem, type } from 'node:os';

/** What the figures were measured on, in one line. */
export function describeMachine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors[0]?.model.trim() ?? 'unknown CPU'} × ${processors.length}, ${memory} GiB, Node ${process.version}, ${type()} ${release()}`;
}
