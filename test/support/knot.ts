import { writeFileSync } from 'node:fs';
import { NameDaemon, type DaemonPlace } from './name-daemon.js';
import { requireTool } from './require-tool.js';

export interface KnotOptions {
  /** Zones by their names, in the form of a zone file (RFC 1035, 5). */
  readonly zones: Readonly<Record<string, string>>;
  /** Of these, those that Knot signs itself. */
  readonly signed?: readonly string[];
  /** Lines of its section `server:` besides those that make it listen, as in knot.conf(5): `'nsid: here'`. */
  readonly server?: readonly string[];
  readonly place?: DaemonPlace;
  /** A port instead of one that is free, in a network of one's own. */
  readonly port?: number;
}

/**
 * Starts Knot, an authoritative server, with these zones. Call it in a `before` hook, and dispose what it resolves with;
 * the suite is skipped where Knot is not installed.
 */
export function startKnot(
  context: Mocha.Context,
  { zones, signed = [], server = [], ...where }: KnotOptions,
): Promise<NameDaemon> {
  const program = requireTool(context, 'knotd');
  return NameDaemon.start(
    program,
    (port, folder) => {
      const entries = Object.entries(zones).map(([name, text], index) => {
        writeFileSync(folder.in(`${index}.zone`), text);
        return `  - domain: ${name}\n    file: ${index}.zone\n    dnssec-signing: ${signed.includes(name) ? 'on' : 'off'}`;
      });
      const file = folder.in('knot.conf');
      writeFileSync(file, `${base(port, folder.path, server)}\nzone:\n${entries.join('\n')}\n`);
      return ['-c', file];
    },
    where,
  );
}

function base(port: number, folder: string, server: readonly string[]): string {
  return [
    'server:',
    `    rundir: ${folder}`,
    `    listen: 127.0.0.1@${port}`,
    ...['udp-workers: 1', 'tcp-workers: 1', 'background-workers: 1'].map((line) => `    ${line}`),
    ...server.map((line) => `    ${line}`),
    'log:',
    '  - target: stderr',
    '    any: info',
    'database:',
    `    storage: ${folder}`,
    // What is written is never read again, and must not take the room of a real server's.
    ...['journal-db-max-size: 16M', 'kasp-db-max-size: 16M', 'timer-db-max-size: 1M'].map((line) => `    ${line}`),
    'template:',
    '  - id: default',
    `    storage: ${folder}`,
    '    zonefile-sync: -1',
    '    zonefile-load: whole',
    '    journal-content: none',
  ].join('\n');
}
