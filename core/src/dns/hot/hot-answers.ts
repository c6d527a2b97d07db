import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { AnswerLease, DnsAnswer, DnsClient, DnsQuery } from '../../contracts/resolver.js';
import { RecordType } from '../wire/record-type.js';
import { writeAnswer } from '../wire/answer-writer.js';
import { canonicalQuery } from './canonical-query.js';
import { createHotMemory, type HotMemory } from './hot-memory.js';
import { expiringPacket, lastingPacket, type HotPacket } from './hot-packet.js';
import { HotQuery } from './hot-query.js';
import { HotReader, LONGEST_HOT_ANSWER } from './hot-reader.js';
import { fitsSlot, HotWriter } from './hot-writer.js';

/** How often those who give leases are told of their uses: what is known of them is at most that old. */
const SETTLING: Milliseconds = 250;

/** An answer in a slot. */
interface Kept {
  readonly slot: number;
  readonly lease: AnswerLease | undefined;
  /** The slot's uses that have been told. */
  told: number;
  /** When it was last found used; the one that was used the longest time ago makes room for others. */
  lastUsed: Milliseconds;
}

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
  /** By slot. */
  private readonly kept = new Map<number, Kept>();
  /** Those whose uses somebody wants to know. */
  private readonly counted = new Set<Kept>();
  /** What hangs on each lease that was met, so that nobody listens to one twice. */
  private readonly leased = new WeakMap<AnswerLease, Set<Kept>>();
  private room = Buffer.allocUnsafe(LONGEST_HOT_ANSWER);
  private timer: Disposable | undefined;
  private closed = false;

  /** @param slots see {@link createHotMemory} */
  constructor(
    private readonly recursionAvailable: boolean,
    private readonly clock: Clock,
    slots?: number,
  ) {
    this.memory = createHotMemory(slots);
    this.reader = new HotReader(this.memory);
    this.writer = new HotWriter(this.memory);
    this.key = new HotQuery(this.memory.seed);
  }

  /** The reply to a message, if it is at hand. `countsAsUse`: whether it keeps the unikernel behind it running. */
  answer(message: Uint8Array, { transport }: DnsClient, countsAsUse = true): Uint8Array | undefined {
    const { room } = this;
    const overUdp = transport === 'udp';
    const length = this.reader.answer(message, message.length, room, overUdp, countsAsUse, this.clock.now());
    if (length === 0) return undefined;
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
    const kept: Kept = { slot, lease, told: this.writer.usesOf(slot), lastUsed: packet.storedAt };
    this.writer.write(slot, this.key, packet);
    this.add(kept);
  }

  /** Tells all who give leases of the uses so far. */
  settle(): void {
    for (const kept of this.counted) this.tell(kept);
  }

  /** Ends every answer that nobody gave a lease for. */
  endReusable(): void {
    for (const { slot, lease } of [...this.kept.values()]) if (lease === undefined) this.end(slot);
  }

  /** Ends every answer, and keeps no more. */
  close(): void {
    this.closed = true;
    for (const slot of [...this.kept.keys()]) this.end(slot);
  }

  /** The packet that all who ask the same can get, with its key read; `undefined` where there is none. */
  private packetFor(query: DnsQuery, answer: DnsAnswer): HotPacket | undefined {
    const now = this.clock.now();
    const expiresAt = 'message' in answer ? (answer.reusableUntil ?? 0) : answer.lease?.holds === true ? Infinity : 0;
    // What ANY is answered may depend on the transport, lest it be large where its asker may be forged (RFC 8482).
    if (this.closed || expiresAt <= now || query.type === RecordType.ANY) return undefined;
    const canonical = canonicalQuery(query);
    if (canonical === undefined || !this.key.read(canonical.message, canonical.message.length)) return undefined;
    const reply = writeAnswer(canonical, answer, this.recursionAvailable);
    if (reply === undefined) return undefined;
    return 'message' in answer ? expiringPacket(reply, now, expiresAt) : lastingPacket(reply, now);
  }

  /** The slot that has this key already, else one that is free, else the one that was used the longest time ago. */
  private slotFor(key: HotQuery): number {
    const slots = this.writer.slotsFor(key);
    const known = slots.find((slot) => this.kept.has(slot) && this.writer.hasKey(slot, key));
    const free = known ?? slots.find((slot) => !this.kept.has(slot));
    if (free !== undefined) return free;
    const candidates = slots.map((slot) => this.kept.get(slot) as Kept);
    for (const kept of candidates) this.tell(kept);
    return candidates.reduce((oldest, kept) => (kept.lastUsed < oldest.lastUsed ? kept : oldest)).slot;
  }

  private add(kept: Kept): void {
    const { slot, lease } = kept;
    this.kept.set(slot, kept);
    if (lease === undefined) return;
    this.hangOn(lease, kept);
    if (lease.used === undefined) return;
    this.counted.add(kept);
    this.timer ??= this.clock.after(SETTLING, () => this.ring());
  }

  private hangOn(lease: AnswerLease, kept: Kept): void {
    const others = this.leased.get(lease);
    if (others !== undefined) {
      others.add(kept);
      return;
    }
    const all = new Set([kept]);
    this.leased.set(lease, all);
    lease.onEnd(() => {
      for (const { slot } of all) this.end(slot);
    });
  }

  private end(slot: number): void {
    const kept = this.kept.get(slot);
    if (kept === undefined) return;
    this.writer.end(slot);
    this.kept.delete(slot);
    this.counted.delete(kept);
    if (kept.lease !== undefined) this.leased.get(kept.lease)?.delete(kept);
    // Only now: whoever finds the answer live still has been counted already.
    this.tell(kept);
    if (this.counted.size > 0) return;
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }

  private tell(kept: Kept): void {
    const uses = this.writer.usesOf(kept.slot);
    const times = (uses - kept.told) >>> 0;
    if (times === 0) return;
    kept.told = uses;
    kept.lastUsed = this.clock.now();
    kept.lease?.used?.(times);
  }

  private ring(): void {
    this.settle();
    this.timer = this.counted.size > 0 ? this.clock.after(SETTLING, () => this.ring()) : undefined;
  }
}
