import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { AnswerLease, DnsAnswer, DnsQuery } from '../../contracts/resolver.js';
import type { Asker } from '../admission/asker.js';
import { isTruncated } from '../wire/header.js';
import { RecordType } from '../wire/dns-parameters.js';
import { LASTING_LEASE } from '../resolvers/lasting-lease.js';
import { writeAnswer } from '../wire/answer-writer.js';
import { canonicalQuery } from './canonical-query.js';
import { createHotMemory, type HotMemory } from './packet-memory.js';
import { expiringPacket, lastingPacket, type HotPacket } from './cached-packet.js';
import { HotQuery } from './packet-query.js';
import { HotReader, LONGEST_HOT_ANSWER, MISS, SILENCE } from './packet-reader.js';
import { fitsSlot, HotWriter } from './packet-writer.js';

/** How often those who give leases are told of their uses while there are any: what is known of them is at most that old. */
const SETTLING: Milliseconds = 250;

/** How often uses by other threads are looked for, at least, after a time in which there were none. */
const QUIET_SETTLING: Milliseconds = 8_000;

/**
 * Answers again what may be answered again, from finished packets: those whose resolver gave a lease, for as long as it
 * holds, and those that may be reused until a certain time. Everybody who has the memory can answer from it; here is who
 * keeps it.
 *
 * An answer whose lease ends is gone before anything follows from that end, and all its uses have been told by then.
 */
export class HotAnswers {
  readonly memory: HotMemory;
  private readonly reader: HotReader;
  private readonly writer: HotWriter;
  private readonly key: HotQuery;
  /** By slot, made once for all like these three: an answer that comes costs no memory beyond its slot. */
  private readonly live: Uint8Array;
  private readonly leases: (AnswerLease | undefined)[];
  /** The uses of each slot that have been told. */
  private readonly told: Uint32Array;
  /** When each was last found used; the one that was used the longest time ago makes room for others. */
  private readonly lastUsed: Float64Array;
  /** The slots whose uses somebody wants to know. */
  private readonly counted = new Set<number>();
  /** The slots that hang on each lease that was met, so that nobody listens to one twice. */
  private readonly leased = new WeakMap<AnswerLease, Set<number>>();
  private room = Buffer.allocUnsafe(LONGEST_HOT_ANSWER);
  private timer: Disposable | undefined;
  /** Until the next look for uses. */
  private pause = SETTLING;
  private closed = false;

  /** @param slots see {@link createHotMemory} */
  constructor(
    private readonly recursionAvailable: boolean,
    private readonly clock: Clock,
    slots?: number,
  ) {
    this.memory = createHotMemory(slots);
    this.live = new Uint8Array(this.memory.slots);
    this.leases = new Array<AnswerLease | undefined>(this.memory.slots).fill(undefined);
    this.told = new Uint32Array(this.memory.slots);
    this.lastUsed = new Float64Array(this.memory.slots);
    this.reader = new HotReader(this.memory, recursionAvailable);
    this.writer = new HotWriter(this.memory);
    this.key = new HotQuery(this.memory.seed);
  }

  /**
   * The reply to a message, if it is at hand, or `silence` where the limit for its asker leaves it none; see
   * {@link HotReader.answer}.
   */
  answer(message: Uint8Array, asker: Asker): Uint8Array | 'silence' | undefined {
    const { room } = this;
    const length = this.reader.answer(message, message.length, room, asker, this.clock.now());
    if (length === MISS) return undefined;
    if (length === SILENCE) return 'silence';
    if (this.pause !== SETTLING && this.timer !== undefined) this.settleSoon();
    this.room = Buffer.allocUnsafe(LONGEST_HOT_ANSWER);
    return room.subarray(0, length);
  }

  /** Keeps what a query is answered, if it may be given again and is small enough. @throws RangeError as writeAnswer */
  keep(query: DnsQuery, answer: DnsAnswer): void {
    const packet = this.packetFor(query, answer);
    if (packet === undefined || !fitsSlot(this.key, packet)) return;
    const slot = this.slotFor(this.key);
    this.end(slot);
    const lease = 'lease' in answer ? answer.lease : undefined;
    // The uses so far are those of earlier answers; from the moment of writing on, other threads count for this one.
    this.told[slot] = this.writer.usesOf(slot);
    this.lastUsed[slot] = packet.storedAt;
    this.live[slot] = 1;
    this.leases[slot] = lease;
    this.writer.write(slot, this.key, packet);
    if (lease !== undefined && lease !== LASTING_LEASE) this.hangOn(lease, slot);
  }

  /** Tells all who give leases of the uses so far. @returns whether there were any that had not been told */
  settle(): boolean {
    let used = false;
    for (const slot of this.counted) used = this.tell(slot) || used;
    return used;
  }

  /** Ends every answer that nobody gave a lease for. */
  endReusable(): void {
    for (const [slot, lease] of this.leases.entries()) if (lease === undefined) this.end(slot);
  }

  /** Ends every answer, and keeps no more. */
  close(): void {
    this.closed = true;
    for (const slot of this.live.keys()) this.end(slot);
  }

  /** The packet that all who ask the same can get, with its key read; `undefined` where there is none. */
  private packetFor(query: DnsQuery, answer: DnsAnswer): HotPacket | undefined {
    const expiresAt = 'message' in answer ? (answer.reusableUntil ?? 0) : answer.lease?.holds === true ? Infinity : 0;
    if (expiresAt === 0) return undefined;
    const now = this.clock.now();
    // What ANY is answered may depend on the transport, lest it be large where its asker may be forged (RFC 8482).
    if (this.closed || expiresAt <= now || query.type === RecordType.ANY) return undefined;
    const canonical = canonicalQuery(query);
    if (canonical === undefined || !this.key.read(canonical.message, canonical.message.length)) return undefined;
    const reply = writeAnswer(canonical, answer, this.recursionAvailable);
    // Who gets what somebody else has cut is meant to ask again by TCP, and not to have it from memory.
    if (reply === undefined || isTruncated(reply)) return undefined;
    return 'message' in answer ? expiringPacket(reply, now, expiresAt) : lastingPacket(reply, now);
  }

  /** The slot that has this key already, else one that is free, else the one that was used the longest time ago. */
  private slotFor(key: HotQuery): number {
    const slots = this.writer.slotsFor(key);
    const known = slots.find((slot) => this.live[slot] === 1 && this.writer.hasKey(slot, key));
    const free = known ?? slots.find((slot) => this.live[slot] === 0);
    if (free !== undefined) return free;
    for (const slot of slots) this.tell(slot);
    const lastUse = (slot: number): Milliseconds => this.lastUsed[slot] as number;
    return slots.reduce((oldest, slot) => (lastUse(slot) < lastUse(oldest) ? slot : oldest));
  }

  private hangOn(lease: AnswerLease, slot: number): void {
    this.slotsUnder(lease).add(slot);
    if (lease.used === undefined) return;
    this.counted.add(slot);
    if (this.timer === undefined || this.pause !== SETTLING) this.settleSoon();
  }

  private slotsUnder(lease: AnswerLease): Set<number> {
    const known = this.leased.get(lease);
    if (known !== undefined) return known;
    const slots = new Set<number>();
    this.leased.set(lease, slots);
    lease.onEnd(() => {
      for (const slot of slots) this.end(slot);
    });
    return slots;
  }

  private end(slot: number): void {
    if (this.live[slot] === 0) return;
    this.writer.end(slot);
    this.live[slot] = 0;
    // Only now: whoever finds the answer live still has been counted already.
    this.tell(slot);
    const lease = this.leases[slot];
    this.leases[slot] = undefined;
    if (lease !== undefined) this.leased.get(lease)?.delete(slot);
    if (!this.counted.delete(slot) || this.counted.size > 0) return;
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }

  /** @returns whether there was anything to tell */
  private tell(slot: number): boolean {
    const uses = this.writer.usesOf(slot);
    const times = (uses - (this.told[slot] as number)) >>> 0;
    if (times === 0) return false;
    this.told[slot] = uses;
    this.lastUsed[slot] = this.clock.now();
    this.leases[slot]?.used?.(times);
    return true;
  }

  private settleSoon(): void {
    this.pause = SETTLING;
    this.arm();
  }

  private arm(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = this.clock.after(this.pause, () => this.ring());
  }

  private ring(): void {
    this.timer = undefined;
    this.pause = this.settle() ? SETTLING : Math.min(this.pause * 2, QUIET_SETTLING);
    if (this.counted.size > 0) this.arm();
  }
}
