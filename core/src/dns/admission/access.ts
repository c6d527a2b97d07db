import { randomBytes } from 'node:crypto';
import type { DnsSettings, WakeSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { DnsClient } from '../../contracts/resolver.js';
import { Asker, WHOLE_COOKIE_LENGTH, type SharedAccess } from './asker.js';
import { ClientAddresses } from './client-addresses.js';
import { ClientRules } from './client-rules.js';
import { Refusals } from './refusals.js';
import { ResponseRate, type RateVerdict } from './response-rate.js';

/** What an asker may have, by its address, its transport and its cookie. */
export interface Standing {
  readonly mayAsk: boolean;
  readonly mayForward: boolean;
  /** Whether it may boot and prolong as far as its source is concerned: shown to be no forgery, or trusted. */
  readonly proven: boolean;
  /** Whether the limits for sources that may be forged hold for it. */
  readonly limited: boolean;
  /** Whether its cookie holds a server cookie that is not, or no longer, ours. */
  readonly badCookie: boolean;
  /** The COOKIE option's data of the response, where the query had one. */
  readonly cookie: Uint8Array | undefined;
  /** `undefined` for a query that came by no socket. */
  readonly address: Uint8Array | undefined;
}

/** Who may wake where nothing is said of it: everybody, unproven. */
export const ANYBODY_WAKES: WakeSettings = {
  ...{ proof: 'none', trusted: [], allow: ['0.0.0.0/0', '::/0'], deny: [] },
  ...{ types: ['A', 'AAAA', 'HTTPS', 'SVCB'], hours: [] },
  budget: { perClient: 0, perPrefix: 0, interval: 60_000 },
};

/** Judges askers: the step between the codec and the resolvers. */
export class Access {
  readonly rules: ClientRules;
  readonly refusals: Refusals;
  readonly shared: SharedAccess;
  private readonly asker: Asker;
  private readonly addresses = new ClientAddresses();
  private readonly rate: ResponseRate;
  private readonly clock: Clock;

  constructor(
    dns: Pick<DnsSettings, 'allow' | 'deny' | 'allowForwarding' | 'rateLimit'>,
    wake: WakeSettings,
    deps: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.rules = new ClientRules(dns, wake);
    const { perSecond, slip } = dns.rateLimit;
    const together = { cookieSecret: randomBytes(16), rate: ResponseRate.shared() };
    this.shared = { rules: this.rules.settings, rateLimit: { perSecond, slip }, ...together };
    this.asker = new Asker(this.shared, this.rules);
    this.rate = new ResponseRate(dns.rateLimit, this.shared.rate);
    this.refusals = new Refusals(deps);
    this.clock = deps.clock;
  }

  /** The bytes of an asker's address; `undefined` where it came by no socket. */
  addressOf({ address, transport }: DnsClient): Uint8Array | undefined {
    return transport === 'inject' ? undefined : this.addresses.bytesOf(address);
  }

  /** Who sends this query, its cookie not yet looked at. There is one such asker at a time: it holds until the next call. */
  askerOf(client: DnsClient): Asker {
    return this.askerAt(this.addressOf(client), client);
  }

  /** @param cookie the data of the query's COOKIE option, 8 or 16 to 40 bytes (RFC 7873, 4) */
  judge(client: DnsClient, cookie: Uint8Array | undefined): Standing {
    const address = this.addressOf(client);
    const asker = this.askerAt(address, client);
    const answer = cookie === undefined ? undefined : this.answerTo(cookie, asker);
    const { mayAsk, mayForward, proven, limited } = asker;
    return { mayAsk, mayForward, proven, limited, badCookie: asker.cookie === 'invalid', cookie: answer, address };
  }

  /** Counts a response, and says what becomes of it. */
  admit({ limited, address }: Standing): RateVerdict {
    return limited && address !== undefined ? this.rate.admit(address, this.clock.now()) : 'send';
  }

  private askerAt(address: Uint8Array | undefined, { transport }: DnsClient): Asker {
    const { asker } = this;
    if (address !== undefined) asker.come(address, transport === 'udp');
    // No socket gives what is no address; were it otherwise, nobody would have a right to anything.
    else asker.comeByNoSocket(transport === 'inject');
    return asker;
  }

  private answerTo(cookie: Uint8Array, asker: Asker): Uint8Array {
    const now = this.clock.now();
    const answer = new Uint8Array(WHOLE_COOKIE_LENGTH);
    asker.showCookie(cookie, 0, cookie.length, now);
    asker.writeCookie(cookie, 0, answer, 0, now);
    return answer;
  }
}
