/** Listens by mmsg and ends as it is told, without closing anything: `exit` or `throw`. */
import { SystemClock } from '#core/clock.js';
import { DnsServer } from '#core/dns/server.js';
import { serverContext } from './dns-admission.js';
import { DnsLog } from './dns-log.js';
import { dnsSettings } from './dns-settings.js';

const settings = dnsSettings({ transport: 'mmsg', workers: 2 });
await new DnsServer(settings, [], serverContext({ clock: new SystemClock(), logger: new DnsLog() })).listen();
if (process.argv[2] === 'exit') process.exit(3);
setImmediate(() => {
  throw new Error('a defect');
});
