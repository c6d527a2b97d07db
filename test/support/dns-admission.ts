import type { DnsSettings, WakeSettings } from '#core/config/settings.js';
import type { Clock } from '#core/contracts/clock.js';
import type { Logger } from '#core/contracts/logger.js';
import type { DnsClient } from '#core/contracts/resolver.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import type { Admission } from '#core/dns/admission/admission.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from './dns-log.js';
import { udpClient } from './dns-query.js';
import { dnsSettings } from './dns-settings.js';
import { wakeSettings } from './wake-settings.js';

/** Every client may wake, without proof. */
export const EVERY_CLIENT_WAKES = wakeSettings({ proof: 'none' });

/** The access control of clients; without limits, and with no proof asked, unless told otherwise. */
export function anAccessControl(
  dns: Partial<DnsSettings> = {},
  wake: WakeSettings = EVERY_CLIENT_WAKES,
  deps: { readonly clock: Clock; readonly logger: Logger } = { clock: new ManualClock(), logger: new DnsLog() },
): AccessControl {
  return new AccessControl(dnsSettings(dns), wake, deps);
}

/** What a DNS server needs besides its settings and resolvers, where every client may wake. */
export function serverContext<Deps extends { readonly clock: Clock; readonly logger: Logger }>(
  deps: Deps,
  settings: Partial<DnsSettings> = {},
): Deps & { readonly access: AccessControl } {
  return { ...deps, access: anAccessControl(settings, EVERY_CLIENT_WAKES, deps) };
}

/** The admission of a client that may do everything, begun with a query of it. */
export function anAdmission(client: DnsClient = udpClient): Admission {
  return anAccessControl().admissionOf(client);
}
