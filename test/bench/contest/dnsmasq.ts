import { findProgram } from '../../support/find-program.js';
import { ServerChild } from './server-child.js';

/** What a dnsmasq is told beyond standing alone on 127.0.0.1. */
export interface DnsmasqTask {
  /** Addresses by name, answered by itself. */
  readonly records?: ReadonlyMap<string, string>;
  /** The port of 127.0.0.1 where everything else is asked. */
  readonly upstreamPort?: number;
  /** How many answers it remembers. */
  readonly cacheSize: number;
}

const ALONE = '--keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --pid-file';

/** Starts a dnsmasq, or none where it is not installed. */
export async function startDnsmasq(probeName: string, task: DnsmasqTask): Promise<ServerChild[]> {
  const program = findProgram('dnsmasq');
  if (program === undefined) return [];
  // Its bound of 150 forwarded queries is left as it is: a higher one makes every query cost more than twice as much.
  const records = [...(task.records ?? [])].map(([name, address]) => `--host-record=${name},${address}`);
  const local = task.records === undefined ? [] : ['--local=/test/'];
  const upstream = task.upstreamPort === undefined ? [] : [`--server=127.0.0.1#${task.upstreamPort}`];
  const words = [`--cache-size=${task.cacheSize}`, ...records, ...local, ...upstream];
  return [
    await ServerChild.start('dnsmasq', probeName, (port) => [
      ...[program, ...ALONE.split(' ')],
      ...['--listen-address=127.0.0.1', `--port=${port}`, ...words],
    ]),
  ];
}
