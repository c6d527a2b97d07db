import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../support/find-program.js';
import { ServerChild } from './server-child.js';

/** What an Unbound is told beyond standing alone on 127.0.0.1, with one thread. */
export interface UnboundTask {
  readonly label?: string;
  /** Addresses by name, answered by itself. */
  readonly records?: ReadonlyMap<string, string>;
  /** A zone all of whose names have one address. */
  readonly redirected?: string;
  /** The port of 127.0.0.1 where everything else is asked. */
  readonly upstreamPort?: number;
}

const REDIRECTED_ADDRESS = '192.0.2.53';

/** Starts an Unbound, or none where it is not installed. */
export async function startUnbound(probeName: string, task: UnboundTask): Promise<ServerChild[]> {
  const program = findProgram('unbound');
  if (program === undefined) return [];
  return [
    await ServerChild.start(task.label ?? 'Unbound, one thread', probeName, async (port, folder) => {
      const file = join(folder, 'unbound.conf');
      await writeFile(file, configuration(port, folder, task));
      return [program, '-d', '-c', file];
    }),
  ];
}

function configuration(port: number, folder: string, { records, redirected, upstreamPort }: UnboundTask): string {
  const lines = [
    'server:',
    ...['interface: 127.0.0.1', `port: ${port}`, 'num-threads: 1', 'access-control: 127.0.0.0/8 allow'],
    ...['do-daemonize: no', 'use-syslog: no', `logfile: "${folder}/log"`, 'verbosity: 0', 'username: ""', 'chroot: ""'],
    ...[`directory: "${folder}"`, 'pidfile: ""', 'module-config: "iterator"', 'do-not-query-localhost: no'],
    ...['outgoing-range: 4096', 'num-queries-per-thread: 2048'],
    // Unbound would deny all names of the reserved domain by itself (RFC 6761, 6.2).
    'local-zone: "test." nodefault',
  ];
  if (redirected !== undefined) {
    lines.push(`local-zone: "${redirected}." redirect`, `local-data: "${redirected}. 3600 A ${REDIRECTED_ADDRESS}"`);
  }
  for (const [name, address] of records ?? []) {
    lines.push(`local-zone: "${name}." static`, `local-data: "${name}. 3600 A ${address}"`);
  }
  if (upstreamPort !== undefined) {
    lines.push('forward-zone:', 'name: "."', `forward-addr: 127.0.0.1@${upstreamPort}`);
  }
  return `${lines.join('\n')}\nremote-control:\ncontrol-enable: no\n`;
}
