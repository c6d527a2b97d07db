import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { AnswerLease, DnsAnswer, DnsQuery, MessageAnswer } from '../../contracts/resolver.js';
import type { Admission } from '../admission/admission.js';
import { readFlags } from '../wire/header.js';
import { QueryView } from '../wire/query-view.js';
import { packetOf, type CachedPacket } from './cached-packet.js';
import {
  createPacketMemory,
  KEY_AT,
  PacketSlots,
  SLOT_SIZE,
  tailAt,
  Time,
  WAYS,
  Word,
  type PacketMemory,
} from './packet-memory.js';
import { LONGEST_CACHED_ANSWER, MISS, PacketReader, SILENCE } from './packet-reader.js';

/** The interval at which uses are reported to their leases while there are any: counts are at most this old. */
const SETTLING: Milliseconds = 250;

/** The longest interval at which uses by other threads are looked for while there are none. */
const QUIET_SETTLING: Milliseconds = 8_000;

/**
 * Repeats finished answers: those whose resolver gave a lease, as long as it holds, and those that may be reused until
 * a certain time. Any thread with the memory can answer from it; this class is its only writer.
 *
 * When a lease ends, its answers are gone before anything follows from that end, and all their uses have been reported.
 */
export class PacketCache {
  readonly memory: PacketMemory;
  private readonly reader: PacketReader;
  /** Only this instance writes; any number of threads read. */
  private readonly slots: PacketSlots;
  private readonly key: QueryView;
  /** State per slot, allocated once: a new answer costs no memory beyond its slot. */
  private readonly live: Uint8Array;
  private readonly leases: (AnswerLease | undefined)[];
  /** The uses of each slot that have been reported. */
  private readonly reported: Uint32Array;
  /** When each slot was last found used; the least recently used one is evicted. */
  private readonly lastUsed: Float64Array;
  /** The slots whose leases count uses. */
  private readonly counted = new Set<number>();
  /** The slots of each lease, so that each lease gets one listener. */
  private readonly leased = new WeakMap<AnswerLease, Set<number>>();
  private buffer = Buffer.allocUnsafe(LONGEST_CACHED_ANSWER);
  private timer: Disposable | undefined;
  /** The time until the next look for uses. */
  private pause = SETTLING;
  private closed = false;

  /** @param slots see {@link createPacketMemory} */
  constructor(
    private readonly recursionAvailable: boolean,
    private readonly clock: Clock,
    slots?: number,
  ) {
    this.memory = createPacketMemory(slots);
    this.live = new Uint8Array(this.memory.slots);
    this.leases = new Array<AnswerLease | undefined>(this.memory.slots).fill(undefined);
    this.reported = new Uint32Array(this.memory.slots);
    this.lastUsed = new Float64Array(this.memory.slots);
    this.reader = new PacketReader(this.memory, recursionAvailable);
    this.slots = new PacketSlots(this.memory);
    this.key = new QueryView(this.memory.seed);
  }

  /**
   * The reply to a plain query, if it is cached, or `silence` where the rate limit drops it; see
   * {@link PacketReader.answer}.
   */
  answer(query: QueryView, message: Uint8Array, admission: Admission): Uint8Array | 'silence' | undefined {
    const { buffer } = this;
    const length = this.reader.answer(query, message, message.length, buffer, admission, this.clock.now());
    if (length === MISS) return undefined;
    if (length === SILENCE) return 'silence';
    if (this.pause !== SETTLING && this.timer !== undefined) this.settleSoon();
    this.buffer = Buffer.allocUnsafe(LONGEST_CACHED_ANSWER);
    return buffer.subarray(0, length);
  }

  /**
   * Stores the answer to a query, if it may be repeated and is small enough, and returns it as it was encoded, so that
   * it is encoded once; `undefined` where the answer must not be repeated.
   *
   * @throws RangeError for records that cannot be written
   */
  keep(query: DnsQuery, answer: DnsAnswer): MessageAnswer | undefined {
    if (this.closed) return undefined;
    const packet = packetOf(query, answer, this.recursionAvailable, this.clock.now());
    if (packet === undefined || !this.key.read(packet.question, packet.question.length)) return undefined;
    if (!fitsSlot(this.key, packet)) return packet.answer;
    const slot = this.slotFor(this.key);
    this.end(slot);
    const lease = 'lease' in answer ? answer.lease : undefined;
    // The uses so far belong to earlier answers; as soon as this one is written, other threads count uses of it.
    this.reported[slot] = this.usesOf(slot);
    this.lastUsed[slot] = packet.storedAt;
    this.live[slot] = 1;
    this.leases[slot] = lease;
    this.write(slot, this.key, packet);
    if (lease !== undefined) this.followLease(lease, slot);
    return packet.answer;
  }

  /** Reports the uses so far to their leases. @returns whether any were unreported */
  settle(): boolean {
    let used = false;
    for (const slot of this.counted) used = this.reportUses(slot) || used;
    return used;
  }

  /** Drops every answer without a lease. */
  endReusable(): void {
    for (const [slot, lease] of this.leases.entries()) if (lease === undefined) this.end(slot);
  }

  /** Drops every answer, and stores no more. */
  close(): void {
    this.closed = true;
    for (const slot of this.live.keys()) this.end(slot);
  }

  /** The slot that has this key already, else a free one, else the least recently used one. */
  private slotFor(key: QueryView): number {
    const first = this.slots.firstSlot(key.hash);
    const slots = Array.from({ length: WAYS }, (_, way) => first + way);
    const known = slots.find((slot) => this.live[slot] === 1 && this.slots.hasKey(slot, key));
    const free = known ?? slots.find((slot) => this.live[slot] === 0);
    if (free !== undefined) return free;
    for (const slot of slots) this.reportUses(slot);
    const lastUse = (slot: number): Milliseconds => this.lastUsed[slot] as number;
    return slots.reduce((oldest, slot) => (lastUse(slot) < lastUse(oldest) ? slot : oldest));
  }

  private followLease(lease: AnswerLease, slot: number): void {
    this.slotsOf(lease).add(slot);
    if (lease.used === undefined) return;
    this.counted.add(slot);
    if (this.timer === undefined || this.pause !== SETTLING) this.settleSoon();
  }

  private slotsOf(lease: AnswerLease): Set<number> {
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
    this.changeGeneration(slot);
    this.live[slot] = 0;
    // Only now: a reader that still found the answer live has been counted by then.
    this.reportUses(slot);
    const lease = this.leases[slot];
    this.leases[slot] = undefined;
    if (lease !== undefined) this.leased.get(lease)?.delete(slot);
    if (!this.counted.delete(slot) || this.counted.size > 0) return;
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }

  /** @returns whether any uses were unreported */
  private reportUses(slot: number): boolean {
    const uses = this.usesOf(slot);
    const times = (uses - (this.reported[slot] as number)) >>> 0;
    if (times === 0) return false;
    this.reported[slot] = uses;
    this.lastUsed[slot] = this.clock.now();
    this.leases[slot]?.used?.(times);
    return true;
  }

  private settleSoon(): void {
    this.pause = SETTLING;
    this.wait();
  }

  private wait(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = this.clock.after(this.pause, () => this.settleAndWait());
  }

  private settleAndWait(): void {
    this.pause = this.settle() ? SETTLING : Math.min(this.pause * 2, QUIET_SETTLING);
    if (this.counted.size > 0) this.wait();
  }

  /** Writes an answer that fits into a slot that is not live, and makes it live. */
  private write(slot: number, query: QueryView, packet: CachedPacket): void {
    const { tags, words, times, bytes } = this.slots;
    const start = slot * (SLOT_SIZE / 4);
    const { tail, options, ttlOffsets } = packet;
    const { message, summary } = packet.answer;
    tags[slot] = query.hash;
    words[start + Word.KeyLength] = query.keyLength;
    // The client of the answer itself got the first rotation.
    words[start + Word.Rotation] = 1;
    words[start + Word.FlagsAndAnswers] = (readFlags(message) << 16) | summary.answerCount;
    words[start + Word.OtherCounts] = (summary.authorityCount << 16) | summary.additionalCount;
    words[start + Word.OptionsLength] = options.length;
    words[start + Word.TailLength] = tail.length;
    words[start + Word.Ttls] = ttlOffsets.length;
    words[start + Word.RotationLength] = packet.rotationLength;
    times[start / 2 + Time.Stored] = packet.storedAt;
    times[start / 2 + Time.Expiry] = packet.expiresAt;
    words.set(query.key.subarray(0, (query.keyLength + 3) >> 2), start + KEY_AT / 4);
    let position = slot * SLOT_SIZE + tailAt(query.keyLength);
    bytes.set(tail, position);
    bytes.set(options, position + tail.length);
    position += tail.length + options.length;
    for (const offset of ttlOffsets) {
      bytes[position++] = offset >>> 8;
      bytes[position++] = offset;
    }
    this.changeGeneration(slot);
  }

  /** Makes a live slot not live, or the other way round, from this moment on. */
  private changeGeneration(slot: number): void {
    Atomics.add(this.slots.words, slot * (SLOT_SIZE / 4) + Word.Generation, 1);
  }

  /** The uses of a slot since the memory was created; the count wraps at 2³². */
  private usesOf(slot: number): number {
    return Atomics.load(this.slots.words, slot * (SLOT_SIZE / 4) + Word.Uses) >>> 0;
  }
}

/** Whether an answer is small enough for a slot. */
function fitsSlot({ keyLength }: QueryView, { tail, options, ttlOffsets }: CachedPacket): boolean {
  return tailAt(keyLength) + tail.length + options.length + 2 * ttlOffsets.length <= SLOT_SIZE;
}
