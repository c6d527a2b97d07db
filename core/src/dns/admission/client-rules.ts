import type { DnsSettings, WakeSettings } from '../../config/settings.js';
import { Networks, parseNetworks } from '../../net/networks.js';

/** The settings that say what each network may do. */
export type NetworkSettings = Pick<DnsSettings, 'allow' | 'deny' | 'allowForwarding'> & {
  readonly rateLimit: Pick<DnsSettings['rateLimit'], 'exempt'>;
};

/** The rules as plain settings, which can be passed to another thread. */
export interface ClientRuleSettings {
  readonly dns: NetworkSettings;
  readonly wake: Pick<WakeSettings, 'proof' | 'trusted' | 'allow' | 'deny'>;
}

/** What a client may do by its network alone. Works on addresses of 4 or 16 bytes, in any thread. */
export class ClientRules {
  private readonly allow: Networks;
  private readonly deny: Networks;
  private readonly forwarding: Networks;
  private readonly exempt: Networks;
  private readonly trusted: Networks;
  private readonly wakeAllow: Networks;
  private readonly wakeDeny: Networks;
  private readonly trustsAll: boolean;

  readonly settings: ClientRuleSettings;

  constructor(dns: NetworkSettings, wake: ClientRuleSettings['wake']) {
    const { allow, deny, allowForwarding, rateLimit } = dns;
    const { proof, trusted } = wake;
    this.settings = {
      dns: { allow, deny, allowForwarding, rateLimit: { exempt: rateLimit.exempt } },
      wake: { proof, trusted, allow: wake.allow, deny: wake.deny },
    };
    this.allow = new Networks(dns.allow);
    this.deny = new Networks(dns.deny);
    this.forwarding = new Networks(dns.allowForwarding);
    this.exempt = new Networks(dns.rateLimit.exempt);
    this.trusted = new Networks(wake.trusted);
    this.wakeAllow = new Networks(wake.allow);
    this.wakeDeny = new Networks(wake.deny);
    this.trustsAll = wake.proof === 'none';
  }

  /** Whether the client is answered at all. */
  mayAsk(address: Uint8Array): boolean {
    return this.allow.has(address) && !this.deny.has(address);
  }

  /** Whether the client's queries may be forwarded. */
  mayForward(address: Uint8Array): boolean {
    return this.forwarding.has(address);
  }

  /** Whether the client's responses are exempt from the limits for unproven sources. */
  isExempt(address: Uint8Array): boolean {
    return this.exempt.has(address);
  }

  /** Whether the client may wake and prolong without a proof of its source. */
  needsNoProof(address: Uint8Array): boolean {
    return this.trustsAll || this.trusted.has(address);
  }

  /** Whether the client may wake and prolong, given that its source is proven. */
  mayWake(address: Uint8Array): boolean {
    return this.wakeAllow.has(address) && !this.wakeDeny.has(address);
  }
}

/** Loopback and private networks: a client there is on this machine, or on one of the operator's networks. */
export const LOCAL_NETWORKS = new Networks(['loopback', 'private'].flatMap((word) => parseNetworks(word) ?? []));

/** Loopback only. */
export const LOOPBACK = new Networks(parseNetworks('loopback') ?? []);
