import type { RateLimitSettings } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import {
  CLIENT_COOKIE_LENGTH,
  COOKIE_OPTION_LENGTH,
  WHOLE_COOKIE_LENGTH,
  writeCookieHead,
} from '../wire/opt-record.js';
import type { QueryView } from '../wire/query-view.js';
import { ClientRules, type ClientRuleSettings } from './client-rules.js';
import { ResponseRate, type RateVerdict, type SharedRate } from './response-rate.js';
import { ServerCookies, type CookieVerdict } from './server-cookies.js';

/** What threads need in order to judge clients alike, and to count together; it goes to them as it is. */
export interface SharedAdmission {
  readonly rules: ClientRuleSettings;
  readonly rateLimit: Pick<RateLimitSettings, 'perSecond' | 'slip'>;
  readonly cookieSecret: Uint8Array;
  readonly rate: SharedRate;
}

/** What a client may have for one query, for as long as it waits for its answer. */
export interface Verdict {
  /** Whether it is answered at all. */
  readonly mayAsk: boolean;
  /** Whether other names are looked up for it elsewhere. */
  readonly mayForward: boolean;
  /** Whether it may boot and prolong as far as its source is concerned: shown to be no forgery, or trusted. */
  readonly proven: boolean;
  /** How long its response may be over UDP, in bytes; `undefined` where the limits for forgeable sources do not hold. */
  readonly sizeLimit: number | undefined;
  /** Whether its cookie holds a server cookie that is not, or no longer, ours. */
  readonly badCookie: boolean;
  /** The COOKIE option's data of the response, where the query had one. */
  readonly cookie: Uint8Array | undefined;
  /** `undefined` for a query that came by no socket. */
  readonly address: Uint8Array | undefined;
}

/** How much longer than its query a response over UDP may be while its source may be forged, and what it may always be. */
const LARGEST_FACTOR = 4;
const ALWAYS_ALLOWED = 128;

const NOWHERE = new Uint8Array(4);
const LONGEST_ADDRESS = 16;

/**
 * Judges clients by address, transport and cookie: access lists, proof of the source, rate and size of responses. It takes
 * one query after the other, in any thread and without allocating anything; there is one instance a thread. What the
 * address alone decides is remembered of the last one, as a client seldom sends a single query.
 */
export class Admission {
  /** Whether it is answered at all. */
  mayAsk = false;
  /** Whether other names are looked up for it elsewhere. */
  mayForward = false;
  /** Whether it may boot and prolong as far as its source is concerned: shown to be no forgery, or trusted. */
  proven = false;
  /** Whether the limits for sources that may be forged hold for it. */
  limited = false;
  overUdp = false;
  /** What its server cookie is worth; `none` while it has shown none. */
  cookie: CookieVerdict | 'none' = 'none';
  /** What has become of its response by the limit, once that was counted. */
  rateVerdict: RateVerdict = 'send';
  private address: Uint8Array = NOWHERE;
  private readonly last = new Uint8Array(LONGEST_ADDRESS);
  private lastLength = 0;
  private mayWake = false;
  private isExempt = false;
  private needsNoProof = false;
  private readonly cookies: ServerCookies;
  private readonly rate: ResponseRate;

  constructor(
    { rules: { dns, wake }, rateLimit, cookieSecret, rate }: SharedAdmission,
    private readonly rules = new ClientRules(dns, wake),
  ) {
    this.cookies = new ServerCookies(cookieSecret);
    this.rate = new ResponseRate(rateLimit, rate);
  }

  /** Begins with a query from a socket. @param address 4 or 16 bytes, which may change only after this query */
  begin(address: Uint8Array, overUdp: boolean): void {
    if (!this.isLast(address)) this.look(address);
    this.address = address;
    this.overUdp = overUdp;
    this.proven = !overUdp || this.needsNoProof;
    this.limited = overUdp && !this.isExempt;
    this.cookie = 'none';
    this.rateVerdict = 'send';
  }

  /** Begins with a query that came by no socket. @param ours whether it is the operator's, who may do everything */
  beginWithoutSocket(ours: boolean): void {
    this.lastLength = 0;
    this.address = NOWHERE;
    this.overUdp = false;
    this.mayAsk = this.mayForward = this.mayWake = this.proven = ours;
    this.limited = !ours;
    this.cookie = 'none';
    this.rateVerdict = 'send';
  }

  /** Takes into account the data of its COOKIE option: `length` bytes, 8 or 16 to 40 (RFC 7873, 4), at `at`. */
  showCookie(message: Uint8Array, at: number, length: number, now: Milliseconds): void {
    if (length === CLIENT_COOKIE_LENGTH) return;
    this.cookie = this.cookies.check(message, at, length - CLIENT_COOKIE_LENGTH, this.address, now);
    if (this.cookie === 'invalid') return;
    this.proven = true;
    this.limited = false;
  }

  /** Writes the data of the COOKIE option for the response, {@link WHOLE_COOKIE_LENGTH} bytes, after it was shown. */
  writeCookie(message: Uint8Array, at: number, out: Uint8Array, outAt: number, now: Milliseconds): void {
    const copied = this.cookie === 'fresh' ? WHOLE_COOKIE_LENGTH : CLIENT_COOKIE_LENGTH;
    for (let index = 0; index < copied; index++) out[outAt + index] = message[at + index] as number;
    if (copied === WHOLE_COOKIE_LENGTH) return;
    this.cookies.write(out, outAt + CLIENT_COOKIE_LENGTH, message, at, this.address, now);
  }

  /** Writes the COOKIE option for the response to a query whose cookie was shown, and gives the place behind it. */
  writeCookieOption(out: Uint8Array, at: number, message: Uint8Array, query: QueryView, now: Milliseconds): number {
    this.writeCookie(message, query.cookieAt, out, writeCookieHead(out, at, WHOLE_COOKIE_LENGTH), now);
    return at + COOKIE_OPTION_LENGTH;
  }

  /** Whether its query keeps alive what it asks for. */
  get keepsAlive(): boolean {
    return this.proven && this.mayWake;
  }

  /** Counts a response to it, and says what becomes of that. */
  admit(now: Milliseconds): RateVerdict {
    if (this.limited && this.address !== NOWHERE) this.rateVerdict = this.rate.admit(this.address, now);
    return this.rateVerdict;
  }

  /** Undoes the count of a response that was to be sent and was not. */
  takeBack(): void {
    if (this.limited) this.rate.takeBack(this.address);
  }

  /** How long a response may be over UDP whose source may be forged, by the length of its query, in bytes. */
  sizeLimit(queryLength: number): number {
    return Math.max(ALWAYS_ALLOWED, LARGEST_FACTOR * queryLength);
  }

  /** The verdict on this query, to be kept. @param cookie the data of its COOKIE option, 8 or 16 to 40 bytes */
  verdict(queryLength: number, cookie: Uint8Array | undefined, now: Milliseconds): Verdict {
    let answered: Uint8Array | undefined;
    if (cookie !== undefined) {
      answered = new Uint8Array(WHOLE_COOKIE_LENGTH);
      this.showCookie(cookie, 0, cookie.length, now);
      this.writeCookie(cookie, 0, answered, 0, now);
    }
    const { mayAsk, mayForward, proven } = this;
    const sizeLimit = this.limited ? this.sizeLimit(queryLength) : undefined;
    const address = this.address === NOWHERE ? undefined : this.address;
    return { mayAsk, mayForward, proven, sizeLimit, badCookie: this.cookie === 'invalid', cookie: answered, address };
  }

  private look(address: Uint8Array): void {
    const { rules } = this;
    this.mayAsk = rules.mayAsk(address);
    this.mayForward = rules.mayForward(address);
    this.mayWake = rules.mayWake(address);
    this.isExempt = rules.isExempt(address);
    this.needsNoProof = rules.needsNoProof(address);
    this.lastLength = address.length;
    for (let index = 0; index < address.length; index++) this.last[index] = address[index] as number;
  }

  private isLast(address: Uint8Array): boolean {
    if (address.length !== this.lastLength) return false;
    for (let index = 0; index < address.length; index++) if (address[index] !== this.last[index]) return false;
    return true;
  }
}
