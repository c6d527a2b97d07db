import type { DnsSettings, WakeSettings } from '../../config/settings.js';
import { Networks, parseNetworks } from '../../net/networks.js';

/** What of the settings says which networks may do what. */
export type NetworkSettings = Pick<DnsSettings, 'allow' | 'deny' | 'allowForwarding'> & {
  readonly rateLimit: Pick<DnsSettings['rateLimit'], 'exempt'>;
};

/** All that the rules are made of, as it goes to another thread. */
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

  /** Whether it is answered at all. */
  mayAsk(address: Uint8Array): boolean {
    return this.allow.has(address) && !this.deny.has(address);
  }

  /** Whether other names are looked up for it elsewhere. */
  mayForward(address: Uint8Array): boolean {
    return this.forwarding.has(address);
  }

  /** Whether its responses are free of the limits for sources that may be forged. */
  isExempt(address: Uint8Array): boolean {
    return this.exempt.has(address);
  }

  /** Whether it may boot and prolong without showing that it is no forgery. */
  needsNoProof(address: Uint8Array): boolean {
    return this.trustsAll || this.trusted.has(address);
  }

  /** Whether it may boot and prolong, its source taken as shown. */
  mayWake(address: Uint8Array): boolean {
    return this.wakeAllow.has(address) && !this.wakeDeny.has(address);
  }
}

/** Loopback and private networks: a client there is on this machine, or on a network of the operator's. */
export const LOCAL_NETWORKS = new Networks(['loopback', 'private'].flatMap((word) => parseNetworks(word) ?? []));

/** Loopback alone. */
export const LOOPBACK = new Networks(parseNetworks('loopback') ?? []);
