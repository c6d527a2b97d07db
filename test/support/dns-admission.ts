import type { DnsSettings, WakeSettings } from '#core/config/settings.js';
import type { DnsClient } from '#core/contracts/resolver.js';
import { AccessControl, ANYBODY_WAKES } from '#core/dns/admission/access-control.js';
import type { Admission } from '#core/dns/admission/admission.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from './dns-log.js';
import { udpClient } from './dns-query.js';
import { dnsSettings } from './dns-settings.js';

/** A judge of askers; without limits, and with no proof asked, unless told otherwise. */
export function anAccessControl(dns: Partial<DnsSettings> = {}, wake: WakeSettings = ANYBODY_WAKES): AccessControl {
  return new AccessControl(dnsSettings(dns), wake, { clock: new ManualClock(), logger: new DnsLog() });
}

/** Somebody who may have and do everything, and has just come with a query. */
export function anAdmission(client: DnsClient = udpClient): Admission {
  return anAccessControl().admissionOf(client);
}
