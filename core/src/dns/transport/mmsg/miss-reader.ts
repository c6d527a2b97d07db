import { Slab } from '../../wire/slab.js';
import { ENVELOPE_WORDS } from '../../../net/datagram-batch.js';
import {
  CONTROL_WORDS,
  entryWords,
  HEAD_WORDS,
  RING_WORDS,
  RingWord,
  SKIP,
  type Miss,
  type MissRing,
} from './miss-ring.js';

/** The main thread's side of a ring. */
export class MissReader {
  private readonly control: Int32Array;
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;
  private readonly slab = new Slab();

  constructor(ring: MissRing) {
    this.control = new Int32Array(ring, 0, CONTROL_WORDS);
    this.words = new Uint32Array(ring, CONTROL_WORDS * 4);
    this.bytes = new Uint8Array(ring, CONTROL_WORDS * 4);
  }

  /** The next datagram, as a copy, as one that waits for long must not keep the ring from going round. */
  take(): Miss | undefined {
    const taken = this.control[RingWord.Taken] as number;
    if (taken === Atomics.load(this.control, RingWord.Put)) return undefined;
    let at = taken & (RING_WORDS - 1);
    const skipped = this.words[at] === SKIP ? RING_WORDS - at : 0;
    if (skipped > 0) at = 0;
    const length = this.words[at] as number;
    const miss = this.copy(at, length);
    Atomics.store(this.control, RingWord.Taken, (taken + skipped + entryWords(length)) | 0);
    return miss;
  }

  /** Has the thread tell of what it puts next. Not where there is something already: then `false`. */
  sleep(): boolean {
    Atomics.store(this.control, RingWord.Asleep, 1);
    if (this.control[RingWord.Taken] === Atomics.load(this.control, RingWord.Put)) return true;
    // The thread may not have seen that. Where it has, it tells, and that is soon enough.
    return Atomics.exchange(this.control, RingWord.Asleep, 0) === 0;
  }

  private copy(at: number, length: number): Miss {
    const envelope = this.slab.takeWords(ENVELOPE_WORDS);
    const message = this.slab.take(length);
    for (let word = 0; word < ENVELOPE_WORDS; word++) envelope[word] = this.words[at + 1 + word] as number;
    const start = (at + HEAD_WORDS) * 4;
    for (let byte = 0; byte < length; byte++) message[byte] = this.bytes[start + byte] as number;
    return { message, envelope };
  }
}
