import { randomBytes } from 'node:crypto';
import type { DnsSettings, WakeSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { DnsClient } from '../../contracts/resolver.js';
import { ClientAddresses } from './client-addresses.js';
import { ClientRules } from './client-rules.js';
import { HotAdmission, type Admitted } from './hot-admission.js';
import { Refusals } from './refusals.js';
import { ResponseRate, type RateVerdict, type SharedRate } from './response-rate.js';
import { CLIENT_COOKIE_LENGTH, SERVER_COOKIE_LENGTH, ServerCookies } from './server-cookies.js';

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
  readonly cookie?: Uint8Array;
  /** `undefined` for a query that came by no socket. */
  readonly address: Uint8Array | undefined;
}

/** What threads need in order to judge askers alike, and to count together. */
export interface SharedAccess {
  readonly cookieSecret: Uint8Array;
  readonly rate: SharedRate;
}

/** Who may wake where nothing is said of it: everybody, unproven. */
export const ANYBODY_WAKES: WakeSettings = {
  ...{ proof: 'none', trusted: [], allow: ['0.0.0.0/0', '::/0'], deny: [] },
  ...{ types: ['A', 'AAAA', 'HTTPS', 'SVCB'], hours: [] },
  budget: { perClient: 0, perPrefix: 0, interval: 60_000 },
};

const NOWHERE = new Uint8Array(4);

/** Judges askers: the step between the codec and the resolvers. */
export class Access {
  readonly rules: ClientRules;
  readonly refusals: Refusals;
  readonly shared: SharedAccess = { cookieSecret: randomBytes(16), rate: ResponseRate.shared() };
  private readonly hot: HotAdmission;
  private readonly addresses = new ClientAddresses();
  private readonly cookies = new ServerCookies(this.shared.cookieSecret);
  private readonly rate: ResponseRate;
  private readonly clock: Clock;

  constructor(
    dns: Pick<DnsSettings, 'allow' | 'deny' | 'allowForwarding' | 'rateLimit'>,
    wake: WakeSettings,
    deps: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.rules = new ClientRules(dns, wake);
    this.hot = new HotAdmission(this.rules);
    this.rate = new ResponseRate(dns.rateLimit, this.shared.rate);
    this.refusals = new Refusals(deps);
    this.clock = deps.clock;
  }

  /** The bytes of an asker's address; `undefined` where it came by no socket. */
  addressOf({ address, transport }: DnsClient): Uint8Array | undefined {
    return transport === 'inject' ? undefined : this.addresses.bytesOf(address);
  }

  /** What an asker may have of the answers that are at hand; one that came by no socket is the operator. */
  admitToHot(client: DnsClient): Admitted {
    const address = this.addressOf(client);
    if (address !== undefined) return this.hot.of(address, client.transport === 'udp');
    return client.transport === 'inject' ? 'counted' : 'none';
  }

  /** @param cookie the data of the query's COOKIE option, 8 or 16 to 40 bytes (RFC 7873, 4) */
  judge(client: DnsClient, cookie: Uint8Array | undefined): Standing {
    const address = this.addressOf(client);
    const verdict = cookie === undefined ? undefined : this.checkCookie(cookie, address ?? NOWHERE);
    const shown = client.transport !== 'udp' || verdict === 'fresh' || verdict === 'old';
    const answer = cookie === undefined ? {} : { cookie: this.answerTo(cookie, verdict, address ?? NOWHERE) };
    const badCookie = verdict === 'invalid';
    if (address === undefined) {
      // No socket gives what is no address; were it otherwise, nobody would have a right to anything.
      const ours = client.transport === 'inject';
      return { mayAsk: ours, mayForward: ours, proven: ours, limited: !ours, badCookie, ...answer, address };
    }
    const { rules } = this;
    return {
      mayAsk: rules.mayAsk(address),
      mayForward: rules.mayForward(address),
      proven: shown || rules.needsNoProof(address),
      limited: !shown && !rules.isExempt(address),
      ...{ badCookie, ...answer, address },
    };
  }

  /** Counts a response, and says what becomes of it. */
  admit({ limited, address }: Standing): RateVerdict {
    return limited && address !== undefined ? this.rate.admit(address, this.clock.now()) : 'send';
  }

  private checkCookie(cookie: Uint8Array, address: Uint8Array): 'fresh' | 'old' | 'invalid' | 'none' {
    if (cookie.length === CLIENT_COOKIE_LENGTH) return 'none';
    return this.cookies.check(cookie, 0, cookie.length - CLIENT_COOKIE_LENGTH, address, this.clock.now());
  }

  private answerTo(cookie: Uint8Array, verdict: string | undefined, address: Uint8Array): Uint8Array {
    if (verdict === 'fresh') return cookie;
    const answer = new Uint8Array(CLIENT_COOKIE_LENGTH + SERVER_COOKIE_LENGTH);
    answer.set(cookie.subarray(0, CLIENT_COOKIE_LENGTH));
    this.cookies.write(answer, CLIENT_COOKIE_LENGTH, answer, 0, address, this.clock.now());
    return answer;
  }
}
