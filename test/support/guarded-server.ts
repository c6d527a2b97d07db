/**
 * A DNS server (address, port) with stopped unikernels u0.lab.test, u1.lab.test … that asks everybody for a proof before
 * it boots one. It says `listening`, and `woken NAME` for each boot.
 */
import { SystemClock } from '#core/clock.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { DnsServer } from '#core/dns/server.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { WakeGuard } from '#core/dns/admission/wake-guard.js';
import { DnsLog } from './dns-log.js';
import { dnsSettings } from './dns-settings.js';
import { FakeSummons } from './dns-summons.js';
import { aUnikernel, type StagedUnikernel } from './dns-unikernel.js';
import { wakeSettings } from './wake-settings.js';

const [, , address = '', port] = process.argv;
const deps = { clock: new SystemClock(), logger: new DnsLog() };
const settings = dnsSettings({ bind: [address], port: Number(port) });
const wake = wakeSettings();
const access = new AccessControl(settings, wake, deps);
const guard = new WakeGuard(wake, access, deps.clock);
const unikernels = Array.from({ length: 50 }, (_, index) =>
  aUnikernel({ name: `u${index}`, names: [`u${index}.lab.test`], addresses: [`192.0.2.${index}`, '2001:db8::7'] }),
);
class Woken extends FakeSummons {
  override async summon(unikernel: StagedUnikernel): Promise<void> {
    if (unikernel.ready) return;
    unikernel.ready = true;
    console.log(`woken ${unikernel.name}`);
  }
}
const resolver = new UnikernelResolver(unikernels, new Woken(), settings, { ...deps, guard });
await new DnsServer(settings, [resolver], { ...deps, access }).listen();
console.log('listening');
