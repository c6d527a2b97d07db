import { writeFileSync } from 'node:fs';
import { NameDaemon, type DaemonPlace } from './name-daemon.js';
import { requireTool } from './require-tool.js';

export interface UnboundOptions {
  /** Lines of its `server:` clause besides those that make it listen: `'local-data: "a.test. 60 A 192.0.2.1"'`. */
  readonly server?: readonly string[];
  /** Further clauses, such as `forward-zone:`, as they stand in unbound.conf(5). */
  readonly clauses?: string;
  readonly place?: DaemonPlace;
  /** A port instead of one that is free, in a network of one's own. */
  readonly port?: number;
}

/** For names of which no clause speaks: the root's servers are never asked, whatever the question. */
const NO_WAY_OUT = 'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@9';

/**
 * Starts Unbound, which validates nothing, asks no root, and may forward to the loopback address. Call it in a `before`
 * hook, and dispose what it resolves with; the suite is skipped where Unbound is not installed.
 */
export function startUnbound(
  context: Mocha.Context,
  { server = [], clauses = '', ...where }: UnboundOptions = {},
): Promise<NameDaemon> {
  const program = requireTool(context, 'unbound');
  return NameDaemon.start(
    program,
    (port, folder) => {
      const file = folder.in('unbound.conf');
      const lines = [...base(port, folder.path), ...server].map((line) => `  ${line}`);
      const ownWay = /name: "?\."?\s*$/m.test(clauses) ? '' : NO_WAY_OUT;
      const text = ['server:', ...lines, clauses, ownWay, 'remote-control:', '  control-enable: no', ''].join('\n');
      writeFileSync(file, text);
      return ['-d', '-p', '-c', file];
    },
    where,
  );
}

function base(port: number, folder: string): readonly string[] {
  return [
    'use-syslog: no',
    'logfile: ""',
    'verbosity: 1',
    'username: ""',
    'chroot: ""',
    `directory: "${folder}"`,
    'module-config: "iterator"',
    'do-not-query-localhost: no',
    'num-threads: 1',
    // From there the kernel lets nothing leave this machine, whatever name servers a zone may name.
    'outgoing-interface: 127.0.0.1',
    'do-ip6: no',
    `interface: 127.0.0.1@${port}`,
    'access-control: 127.0.0.0/8 allow',
  ];
}
