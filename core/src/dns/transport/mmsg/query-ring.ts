import { ENVELOPE_WORDS, type DatagramBatch } from '../../../net/datagram-batch.js';
import { Slab } from '../../wire/slab.js';

/**
 * The memory by which a receiving thread hands datagrams to the main thread: a ring of entries, each of which is a
 * datagram's length in bytes, its envelope, and its bytes. Positions count words without end, modulo 2³².
 */
export type QueryRing = SharedArrayBuffer;

/** A datagram that the main thread has to answer. */
export interface RingEntry {
  readonly message: Uint8Array;
  /** As `DatagramBatch` copies it. */
  readonly envelope: Uint32Array;
}

/** Indices of the words of the control part, each in a cache line of its own. */
export const RingWord = {
  /** The position up to which the main thread has taken entries. */
  Taken: 0,
  /** The position up to which the thread has published entries. */
  Put: 16,
  /** 1 when the main thread does not look for entries until it is notified. */
  Asleep: 32,
} as const;

export const CONTROL_WORDS = 48;

/**
 * The capacity of the ring, in words: some thousand queries, which the main thread takes within some hundred
 * milliseconds.
 */
export const RING_WORDS = 2 ** 18;

/** The words before each datagram. */
const HEAD_WORDS = 1 + ENVELOPE_WORDS;

/** Stands in place of a length: the next entry is at the ring's beginning. */
const SKIP = 0xffff_ffff;

export function createQueryRing(): QueryRing {
  const ring = new SharedArrayBuffer((CONTROL_WORDS + RING_WORDS) * 4);
  new Int32Array(ring)[RingWord.Asleep] = 1;
  return ring;
}

/** The number of words that a datagram of this length takes, head included. */
export function entryWords(length: number): number {
  return HEAD_WORDS + ((length + 3) >> 2);
}

/** The receiving thread's side of a ring. Only one instance at a time may write. */
export class RingWriter {
  private readonly control: Int32Array;
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;
  private put: number;

  constructor(ring: QueryRing) {
    this.control = new Int32Array(ring, 0, CONTROL_WORDS);
    this.words = new Uint32Array(ring, CONTROL_WORDS * 4);
    this.bytes = new Uint8Array(ring, CONTROL_WORDS * 4);
    this.put = this.control[RingWord.Put] as number;
  }

  /** Copies a datagram into the ring, to be published later; `false` where there is no room. */
  add(batch: DatagramBatch, index: number): boolean {
    const length = batch.lengthOf(index);
    const size = entryWords(length);
    const at = this.put & (RING_WORDS - 1);
    const skipped = at + size > RING_WORDS ? RING_WORDS - at : 0;
    const used = (this.put - Atomics.load(this.control, RingWord.Taken)) | 0;
    if (used + skipped + size > RING_WORDS) return false;
    if (skipped > 0) this.words[at] = SKIP;
    this.write(skipped > 0 ? 0 : at, length, batch, index);
    this.put = (this.put + skipped + size) | 0;
    return true;
  }

  /** Publishes what was added to the main thread, and returns whether it must be notified. */
  publish(): boolean {
    Atomics.store(this.control, RingWord.Put, this.put);
    return Atomics.exchange(this.control, RingWord.Asleep, 0) === 1;
  }

  private write(at: number, length: number, batch: DatagramBatch, index: number): void {
    this.words[at] = length;
    batch.copyEnvelope(index, this.words, at + 1);
    const payload = batch.payloads[index] as Uint8Array;
    const start = (at + HEAD_WORDS) * 4;
    for (let byte = 0; byte < length; byte++) this.bytes[start + byte] = payload[byte] as number;
  }
}

/** The main thread's side of a ring. */
export class RingReader {
  private readonly control: Int32Array;
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;
  private readonly slab = new Slab();

  constructor(ring: QueryRing) {
    this.control = new Int32Array(ring, 0, CONTROL_WORDS);
    this.words = new Uint32Array(ring, CONTROL_WORDS * 4);
    this.bytes = new Uint8Array(ring, CONTROL_WORDS * 4);
  }

  /** The next datagram, as a copy: a query that waits for long must not block the ring. */
  take(): RingEntry | undefined {
    const taken = this.control[RingWord.Taken] as number;
    if (taken === Atomics.load(this.control, RingWord.Put)) return undefined;
    let at = taken & (RING_WORDS - 1);
    const skipped = this.words[at] === SKIP ? RING_WORDS - at : 0;
    if (skipped > 0) at = 0;
    const length = this.words[at] as number;
    const entry = this.copy(at, length);
    Atomics.store(this.control, RingWord.Taken, (taken + skipped + entryWords(length)) | 0);
    return entry;
  }

  /**
   * Asks the thread to notify the main thread of its next entry; `false`, and no effect, where there is an entry
   * already.
   */
  sleep(): boolean {
    Atomics.store(this.control, RingWord.Asleep, 1);
    if (this.control[RingWord.Taken] === Atomics.load(this.control, RingWord.Put)) return true;
    // The thread may not have seen the flag. If it has, its notification comes soon enough.
    return Atomics.exchange(this.control, RingWord.Asleep, 0) === 0;
  }

  private copy(at: number, length: number): RingEntry {
    const envelope = this.slab.takeWords(ENVELOPE_WORDS);
    const message = this.slab.take(length);
    for (let word = 0; word < ENVELOPE_WORDS; word++) envelope[word] = this.words[at + 1 + word] as number;
    const start = (at + HEAD_WORDS) * 4;
    for (let byte = 0; byte < length; byte++) message[byte] = this.bytes[start + byte] as number;
    return { message, envelope };
  }
}

/** Datagrams that are taken before other events get their turn. */
const MOST_IN_A_TURN = 64;

/**
 * Takes datagrams off a ring as long as there are any, a batch per turn of the event loop, and for one turn longer: a
 * message from the thread costs several times as much as a look at the ring.
 */
export class RingPump {
  private awake = false;
  private hadSome = false;

  constructor(
    private readonly ring: RingReader,
    private readonly take: (entry: RingEntry) => void,
  ) {}

  /** The ring has an entry, or may have one. */
  wake(): void {
    if (this.awake) return;
    this.awake = true;
    this.turn();
  }

  /** Takes all entries now. */
  drain(): void {
    for (let entry = this.ring.take(); entry !== undefined; entry = this.ring.take()) this.take(entry);
  }

  private readonly turn = (): void => {
    let count = 0;
    for (; count < MOST_IN_A_TURN; count++) {
      const entry = this.ring.take();
      if (entry === undefined) break;
      this.take(entry);
    }
    const looksAgain = count > 0 || this.hadSome;
    this.hadSome = count > 0;
    if (looksAgain || !this.ring.sleep()) setImmediate(this.turn);
    else this.awake = false;
  };
}
