import type { DnsSettings, WakeSettings } from '#core/config/settings.js';
import type { DnsClient } from '#core/contracts/resolver.js';
import { Access, ANYBODY_WAKES } from '#core/dns/admission/access.js';
import type { Asker } from '#core/dns/admission/asker.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from './dns-log.js';
import { udpClient } from './dns-query.js';
import { dnsSettings } from './dns-settings.js';

/** A judge of askers; without limits, and with no proof asked, unless told otherwise. */
export function anAccess(dns: Partial<DnsSettings> = {}, wake: WakeSettings = ANYBODY_WAKES): Access {
  return new Access(dnsSettings(dns), wake, { clock: new ManualClock(), logger: new DnsLog() });
}

/** Somebody who may have and do everything, and has just come with a query. */
export function anAsker(client: DnsClient = udpClient): Asker {
  return anAccess().askerOf(client);
}
