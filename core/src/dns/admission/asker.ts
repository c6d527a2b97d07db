import type { RateLimitSettings } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { ClientRules, type ClientRuleSettings } from './client-rules.js';
import { ResponseRate, type RateVerdict, type SharedRate } from './response-rate.js';
import { CLIENT_COOKIE_LENGTH, SERVER_COOKIE_LENGTH, ServerCookies, type CookieVerdict } from './server-cookies.js';

/** What threads need in order to judge askers alike, and to count together; it goes to them as it is. */
export interface SharedAccess {
  readonly rules: ClientRuleSettings;
  readonly rateLimit: Pick<RateLimitSettings, 'perSecond' | 'slip'>;
  readonly cookieSecret: Uint8Array;
  readonly rate: SharedRate;
}

/** The length of the COOKIE option's data in every response that has one, in bytes. */
export const WHOLE_COOKIE_LENGTH = CLIENT_COOKIE_LENGTH + SERVER_COOKIE_LENGTH;

const NOWHERE = new Uint8Array(4);
const LONGEST_ADDRESS = 16;

/**
 * Who asks: judged by address, transport and cookie for one query after the other, in any thread and without allocating
 * anything. One instance a thread. What the address alone decides is remembered of the last one, as an asker seldom comes
 * alone.
 */
export class Asker {
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
  verdict: RateVerdict = 'send';
  private address: Uint8Array = NOWHERE;
  private readonly last = new Uint8Array(LONGEST_ADDRESS);
  private lastLength = 0;
  private mayWake = false;
  private isExempt = false;
  private needsNoProof = false;
  private readonly cookies: ServerCookies;
  private readonly rate: ResponseRate;

  constructor(
    { rules: { dns, wake }, rateLimit, cookieSecret, rate }: SharedAccess,
    private readonly rules = new ClientRules(dns, wake),
  ) {
    this.cookies = new ServerCookies(cookieSecret);
    this.rate = new ResponseRate(rateLimit, rate);
  }

  /** Begins with a query from a socket. @param address 4 or 16 bytes, which may change only after this query */
  come(address: Uint8Array, overUdp: boolean): void {
    if (!this.isLast(address)) this.look(address);
    this.address = address;
    this.overUdp = overUdp;
    this.proven = !overUdp || this.needsNoProof;
    this.limited = overUdp && !this.isExempt;
    this.cookie = 'none';
    this.verdict = 'send';
  }

  /** Begins with a query that came by no socket. @param ours whether it is the operator's, who may do everything */
  comeByNoSocket(ours: boolean): void {
    this.lastLength = 0;
    this.address = NOWHERE;
    this.overUdp = false;
    this.mayAsk = this.mayForward = this.mayWake = this.proven = ours;
    this.limited = !ours;
    this.cookie = 'none';
    this.verdict = 'send';
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

  /** Whether its query keeps alive what it asks for. */
  get keepsAlive(): boolean {
    return this.proven && this.mayWake;
  }

  /** Counts a response to it, and says what becomes of that. */
  admit(now: Milliseconds): RateVerdict {
    if (this.limited) this.verdict = this.rate.admit(this.address, now);
    return this.verdict;
  }

  /** Undoes the count of a response that was to be sent and was not. */
  takeBack(): void {
    if (this.limited) this.rate.takeBack(this.address);
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
