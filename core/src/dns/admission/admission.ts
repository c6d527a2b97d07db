import type { DnsSettings, WakeSettings } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { Networks } from '../../net/networks.js';
import {
  CLIENT_COOKIE_LENGTH,
  COOKIE_OPTION_LENGTH,
  WHOLE_COOKIE_LENGTH,
  writeCookieHead,
} from '../wire/opt-record.js';
import type { QueryView } from '../wire/query-view.js';
import type { ReplyTerms } from '../wire/reply-terms.js';
import { ResponseRate, type RateVerdict, type SharedRate } from './response-rate.js';
import { ServerCookies, type CookieVerdict } from './server-cookies.js';

/** The settings that say what each network may do. */
export interface NetworkSettings {
  readonly dns: Pick<DnsSettings, 'allow' | 'deny' | 'allowForwarding' | 'rateLimit'>;
  readonly wake: Pick<WakeSettings, 'proof' | 'trusted' | 'allow' | 'deny'>;
}

/** What threads need to judge clients alike and to count together; it can be passed to a worker. */
export interface SharedAdmission extends NetworkSettings {
  readonly cookieSecret: Uint8Array;
  readonly rate: SharedRate;
}

/** What the reply to a query depends on, to keep as long as the query is pending. */
export interface Verdict extends ReplyTerms {
  /** Whether the query may be forwarded. */
  readonly mayForward: boolean;
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

  constructor({ dns, wake }: NetworkSettings) {
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

/**
 * The limit of a response over UDP to an unproven source: this multiple of the query's length, or this many bytes if
 * that is more.
 */
const LARGEST_FACTOR = 4;
const ALWAYS_ALLOWED = 128;

/** Stands for the address of a query that came without a socket. */
const NO_ADDRESS = new Uint8Array(4);
const LONGEST_ADDRESS = 16;

/**
 * Judges clients by address, transport and cookie: access lists, proof of the source, rate and size of responses. It
 * takes one query after the other, in any thread and without allocation; there is one instance per thread. What depends
 * on the address alone is kept for the last address, as a client seldom sends a single query.
 */
export class Admission {
  /** Whether the query is answered at all. */
  mayAsk = false;
  /** Whether the query may be forwarded. */
  mayForward = false;
  /** Whether the source address is proven, or trusted without proof, so that the query may wake and prolong. */
  proven = false;
  /** Whether the limits for unproven sources apply. */
  limited = false;
  overUdp = false;
  /** The verdict on its server cookie; `none` as long as none was shown. */
  cookie: CookieVerdict | 'none' = 'none';
  /** The rate limit's verdict on its response, once that was counted. */
  rateVerdict: RateVerdict = 'send';
  private address: Uint8Array = NO_ADDRESS;
  private readonly last = new Uint8Array(LONGEST_ADDRESS);
  private lastLength = 0;
  private mayWake = false;
  private isExempt = false;
  private needsNoProof = false;
  private readonly cookies: ServerCookies;
  private readonly rate: ResponseRate;

  constructor(
    { dns, cookieSecret, rate }: SharedAdmission,
    private readonly rules: ClientRules,
  ) {
    this.cookies = new ServerCookies(cookieSecret);
    this.rate = new ResponseRate(dns.rateLimit, rate);
  }

  /** Begins with a query from a socket. @param address 4 or 16 bytes, which must not change during this query */
  begin(address: Uint8Array, overUdp: boolean): void {
    if (!this.isLast(address)) this.judge(address);
    this.address = address;
    this.overUdp = overUdp;
    this.proven = !overUdp || this.needsNoProof;
    this.limited = overUdp && !this.isExempt;
    this.cookie = 'none';
    this.rateVerdict = 'send';
  }

  /** Begins with a query that came without a socket. @param ours whether it is the operator's, who may do everything */
  beginWithoutSocket(ours: boolean): void {
    this.lastLength = 0;
    this.address = NO_ADDRESS;
    this.overUdp = false;
    this.mayAsk = this.mayForward = this.mayWake = this.proven = ours;
    this.limited = !ours;
    this.cookie = 'none';
    this.rateVerdict = 'send';
  }

  /** Takes the data of its COOKIE option into account: `length` bytes, 8 or 16 to 40 (RFC 7873, 4), at offset `at`. */
  showCookie(message: Uint8Array, at: number, length: number, now: Milliseconds): void {
    // Shown before, where the packet cache has found the query but no answer to give.
    if (length === CLIENT_COOKIE_LENGTH || this.cookie !== 'none') return;
    this.cookie = this.cookies.check(message, at, length - CLIENT_COOKIE_LENGTH, this.address, now);
    if (this.cookie === 'invalid') return;
    this.proven = true;
    this.limited = false;
  }

  /** Writes the data of the response's COOKIE option, {@link WHOLE_COOKIE_LENGTH} bytes, after `showCookie`. */
  writeCookie(message: Uint8Array, at: number, out: Uint8Array, outAt: number, now: Milliseconds): void {
    const copied = this.cookie === 'fresh' ? WHOLE_COOKIE_LENGTH : CLIENT_COOKIE_LENGTH;
    for (let index = 0; index < copied; index++) out[outAt + index] = message[at + index] as number;
    if (copied === WHOLE_COOKIE_LENGTH) return;
    this.cookies.write(out, outAt + CLIENT_COOKIE_LENGTH, message, at, this.address, now);
  }

  /** Writes the COOKIE option of the response to a query after `showCookie`, and returns the offset behind it. */
  writeCookieOption(out: Uint8Array, at: number, message: Uint8Array, query: QueryView, now: Milliseconds): number {
    this.writeCookie(message, query.cookieAt, out, writeCookieHead(out, at, WHOLE_COOKIE_LENGTH), now);
    return at + COOKIE_OPTION_LENGTH;
  }

  /** Whether the query counts as a use of what it asks for, and so prolongs it. */
  get keepsAlive(): boolean {
    return this.proven && this.mayWake;
  }

  /** Counts a response, and returns the rate limit's verdict on it. */
  admit(now: Milliseconds): RateVerdict {
    if (this.limited && this.address !== NO_ADDRESS) this.rateVerdict = this.rate.admit(this.address, now);
    return this.rateVerdict;
  }

  /** Undoes the count of a response that was not sent after all. */
  takeBack(): void {
    if (this.limited) this.rate.takeBack(this.address);
  }

  /** The size limit of a response over UDP to an unproven source, by the length of its query, both in bytes. */
  sizeLimit(queryLength: number): number {
    return Math.max(ALWAYS_ALLOWED, LARGEST_FACTOR * queryLength);
  }

  /**
   * The verdict on this query, as an object to keep.
   * @param cookie the data of its COOKIE option, 8 or 16 to 40 bytes
   */
  verdict(queryLength: number, cookie: Uint8Array | undefined, now: Milliseconds): Verdict {
    let answered: Uint8Array | undefined;
    if (cookie !== undefined) {
      answered = new Uint8Array(WHOLE_COOKIE_LENGTH);
      this.showCookie(cookie, 0, cookie.length, now);
      this.writeCookie(cookie, 0, answered, 0, now);
    }
    const sizeLimit = this.limited ? this.sizeLimit(queryLength) : undefined;
    return { mayForward: this.mayForward, sizeLimit, cookie: answered };
  }

  private judge(address: Uint8Array): void {
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
