import { randomBytes } from 'node:crypto';
import type { DnsSettings, WakeSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { DnsClient } from '../../contracts/resolver.js';
import { ClientAddresses } from '../../net/address-bytes.js';
import { Admission, ClientRules, type SharedAdmission } from './admission.js';
import { Refusals } from './refusals.js';
import { ResponseRate } from './response-rate.js';

/** Secrets of 16 bytes, which no client may know: those of cookies, and of what networks share a limit. */
export interface AdmissionSecrets {
  readonly cookies: Uint8Array;
  readonly rate: Uint8Array;
}

/**
 * What admission consists of in the main thread: the rules, the state that all threads share, and the counts of
 * refusals.
 */
export class AccessControl {
  readonly rules: ClientRules;
  readonly refusals: Refusals;
  readonly shared: SharedAdmission;
  private readonly admission: Admission;
  private readonly addresses = new ClientAddresses();

  constructor(
    dns: Pick<DnsSettings, 'allow' | 'deny' | 'allowForwarding' | 'rateLimit'>,
    wake: WakeSettings,
    deps: { readonly clock: Clock; readonly logger: Logger },
    secrets: AdmissionSecrets = { cookies: randomBytes(16), rate: randomBytes(16) },
  ) {
    const { allow, deny, allowForwarding, rateLimit } = dns;
    const { proof, trusted } = wake;
    this.shared = {
      dns: { allow, deny, allowForwarding, rateLimit },
      wake: { proof, trusted, allow: wake.allow, deny: wake.deny },
      cookieSecret: secrets.cookies,
      rate: ResponseRate.shared(secrets.rate),
    };
    this.rules = new ClientRules(this.shared);
    this.admission = new Admission(this.shared, this.rules);
    this.refusals = new Refusals(deps);
  }

  /** The bytes of a client's address; `undefined` for a query that came without a socket. */
  addressOf({ address, transport }: DnsClient): Uint8Array | undefined {
    return transport === 'inject' ? undefined : this.addresses.bytesOf(address);
  }

  /** The main thread's admission, begun with a query of this client: valid until the next call. */
  admissionOf(client: DnsClient): Admission {
    const { admission } = this;
    const address = this.addressOf(client);
    if (address !== undefined) admission.begin(address, client.transport === 'udp');
    // Sockets give only addresses; a client without a valid one gets no answer.
    else admission.beginWithoutSocket(client.transport === 'inject');
    return admission;
  }
}
