import { randomBytes } from 'node:crypto';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { SERVER_COOKIE_LENGTH } from '../wire/opt-record.js';
import { SipHash } from './sip-hash.js';

/**
 * The highest age of a server cookie, how far it may lie in the future, and the age from which it is renewed, in
 * seconds (RFC 9018, 4.3).
 */
const LONGEST_AGE = 3_600;
const FURTHEST_FUTURE = 300;
const RENEWED_FROM = 1_800;

const VERSION = 1;

/** `old`: valid, and renewed in the answer. */
export type CookieVerdict = 'fresh' | 'old' | 'invalid';

/**
 * Makes and checks server cookies (RFC 7873, RFC 9018 version 1), by which a client proves that it receives what is
 * sent to its address. Keeps no state per client. All servers with the same secret accept each other's cookies.
 */
export class ServerCookies {
  private readonly hash: SipHash;
  /** The hash's input: client cookie | version, reserved, timestamp | client address. */
  private readonly input = new Uint8Array(32);

  /** @throws RangeError unless the secret has 16 bytes */
  constructor(readonly secret: Uint8Array = randomBytes(16)) {
    this.hash = new SipHash(secret);
  }

  /**
   * The verdict on the client cookie at `at`, followed by a server cookie of `length` bytes, from a client with this
   * address of 4 or 16 bytes.
   */
  check(message: Uint8Array, at: number, length: number, address: Uint8Array, now: Milliseconds): CookieVerdict {
    if (length !== SERVER_COOKIE_LENGTH || message[at + 8] !== VERSION) return 'invalid';
    const { input } = this;
    for (let index = 0; index < 16; index++) input[index] = message[at + index] as number;
    const stamp =
      ((input[12] as number) << 24) |
      ((input[13] as number) << 16) |
      ((input[14] as number) << 8) |
      (input[15] as number);
    // Compared as serial numbers (RFC 1982), which work beyond the year 2106.
    const age = (Math.floor(now / 1_000) - stamp) | 0;
    if (age > LONGEST_AGE || age < -FURTHEST_FUTURE) return 'invalid';
    this.digest(address);
    let difference = 0;
    for (let index = 0; index < 8; index++) difference |= this.digestByte(index) ^ (message[at + 16 + index] as number);
    if (difference !== 0) return 'invalid';
    return age > RENEWED_FROM ? 'old' : 'fresh';
  }

  /** Writes a server cookie of 16 bytes for this address and the client cookie at `clientAt` in `message`. */
  write(
    target: Uint8Array,
    at: number,
    message: Uint8Array,
    clientAt: number,
    address: Uint8Array,
    now: Milliseconds,
  ): void {
    const { input } = this;
    const stamp = Math.floor(now / 1_000);
    for (let index = 0; index < 8; index++) input[index] = message[clientAt + index] as number;
    input[8] = VERSION;
    input[9] = input[10] = input[11] = 0;
    for (let index = 0; index < 4; index++) input[12 + index] = (stamp / 2 ** (24 - index * 8)) & 0xff;
    this.digest(address);
    for (let index = 0; index < 8; index++) {
      target[at + index] = input[8 + index] as number;
      target[at + 8 + index] = this.digestByte(index);
    }
  }

  private digest(address: Uint8Array): void {
    const { input } = this;
    for (let index = 0; index < address.length; index++) input[16 + index] = address[index] as number;
    this.hash.hash(input, 0, 16 + address.length);
  }

  private digestByte(index: number): number {
    const word = index < 4 ? this.hash.low : this.hash.high;
    return (word >>> ((index & 3) << 3)) & 0xff;
  }
}
