import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/** The programs that unpack what Debian packs kernels and their modules with, by the first bytes. */
const PROGRAMS = { fd377a585a: 'xz', '02214c18': 'lz4', '28b52ffd': 'zstd', '1f8b': 'gzip' } as const;

/** Unpacks a file, by the program that its first bytes name. */
export async function unpack(packed: Buffer): Promise<Buffer> {
  const start = packed.toString('hex', 0, 8);
  const [, name] = Object.entries(PROGRAMS).find(([magic]) => start.startsWith(magic)) ?? [];
  if (name === undefined) throw new Error(`what starts with ${start} is not packed in a known way`);
  const program = spawn(name, ['-d', '-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(program, 'close') as Promise<[number | null]>;
  // Where it ends early, its status says so.
  program.stdin.on('error', () => undefined).end(packed);
  const [unpacked, [status]] = await Promise.all([buffer(program.stdout), ended]);
  if (status !== 0) throw new Error(`${name} ended with status ${String(status)}`);
  return unpacked;
}
