import { NameDaemon, type DaemonPlace } from './name-daemon.js';
import { requireTool } from './require-tool.js';

export interface DnsmasqOptions {
  /** Its options as in dnsmasq(8), without the dashes: `'server=/jitsu.test/127.0.0.1#10053'`. */
  readonly options?: readonly string[];
  readonly place?: DaemonPlace;
  /** A port instead of one that is free, in a network of one's own. */
  readonly port?: number;
}

/**
 * Starts dnsmasq, which asks nobody but whom its options name. Call it in a hook, and dispose what it resolves with; the
 * suite is skipped where it is not installed.
 */
export function startDnsmasq(
  context: Mocha.Context,
  { options = [], ...where }: DnsmasqOptions = {},
): Promise<NameDaemon> {
  const program = requireTool(context, 'dnsmasq');
  return NameDaemon.start(
    program,
    (port) => [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file=', '--user=root'],
      ...['--log-facility=-', '--bind-interfaces', '--listen-address=127.0.0.1', `--port=${port}`],
      ...options.map((option) => `--${option}`),
    ],
    where,
  );
}
