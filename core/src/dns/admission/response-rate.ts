import { randomBytes } from 'node:crypto';
import type { RateLimitSettings } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { ipv4Offset } from '../../net/networks.js';
import { SipHash } from './sip-hash.js';

/** The number of token buckets: further networks share them, and no client can know with which network it shares. */
const BUCKETS = 65_536;

/** Burst size of the token bucket, as its refill time. */
const BURST: Milliseconds = 1_000;

/** `slip`: the response is truncated, so that a client with a genuine address asks again over TCP. */
export type RateVerdict = 'send' | 'slip' | 'drop';

/** What workers share so that a limit applies to all of them together; all must pass times of one clock. */
export interface SharedRate {
  readonly key: Uint8Array;
  readonly memory: SharedArrayBuffer;
}

/**
 * Limits the responses to each network (IPv4 /24, IPv6 /56), because responses to forged sources reach somebody else.
 * Takes the same memory for any number of networks. A secret decides which of them share a bucket, so that no client
 * can use up the bucket of another network; an attacker that sprays over all buckets has to reach the limit of every
 * one.
 */
export class ResponseRate {
  private readonly hash: SipHash;
  /** The time at which each bucket is full again. */
  private readonly fullAt: Float64Array;
  private readonly over: Uint8Array;
  private readonly interval: Milliseconds;

  constructor(
    private readonly settings: Pick<RateLimitSettings, 'perSecond' | 'slip'>,
    { key, memory }: { readonly key: Uint8Array; readonly memory: ArrayBufferLike } = privateRate(),
  ) {
    this.hash = new SipHash(key);
    this.fullAt = new Float64Array(memory, 0, BUCKETS);
    this.over = new Uint8Array(memory, BUCKETS * 8, BUCKETS);
    this.interval = BURST / settings.perSecond;
  }

  /** The state that several workers need to count together. */
  static shared(key: Uint8Array = randomBytes(16)): SharedRate {
    return { key, memory: new SharedArrayBuffer(BUCKETS * 9) };
  }

  /** Counts a response to this address of 4 or 16 bytes, and returns the verdict on it. */
  admit(address: Uint8Array, now: Milliseconds): RateVerdict {
    const { perSecond, slip } = this.settings;
    if (perSecond === 0) return 'send';
    const bucket = this.bucketOf(address);
    const fullAt = Math.max(this.fullAt[bucket] as number, now) + this.interval;
    // Half an interval of tolerance, or rounding would take away the last response of a burst.
    if (fullAt - now <= BURST + this.interval / 2) {
      this.fullAt[bucket] = fullAt;
      return 'send';
    }
    if (slip === 0) return 'drop';
    const count = (this.over[bucket] as number) + 1;
    this.over[bucket] = count % slip;
    return count >= slip ? 'slip' : 'drop';
  }

  /** Undoes the count of a response to this address that was not sent after all. */
  takeBack(address: Uint8Array): void {
    if (this.settings.perSecond === 0) return;
    const bucket = this.bucketOf(address);
    this.fullAt[bucket] = (this.fullAt[bucket] as number) - this.interval;
  }

  private bucketOf(address: Uint8Array): number {
    const offset = ipv4Offset(address);
    this.hash.hash(address, Math.max(0, offset), offset === -1 ? 7 : offset + 3);
    return this.hash.low & (BUCKETS - 1);
  }
}

function privateRate(): { readonly key: Uint8Array; readonly memory: ArrayBuffer } {
  return { key: randomBytes(16), memory: new ArrayBuffer(BUCKETS * 9) };
}
