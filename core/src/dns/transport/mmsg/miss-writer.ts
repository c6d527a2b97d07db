import type { DatagramBatch } from '../../../net/datagram-batch.js';
import { CONTROL_WORDS, entryWords, HEAD_WORDS, RING_WORDS, RingWord, SKIP, type MissRing } from './miss-ring.js';

/** The receiving thread's side of a ring. One instance at a time may write. */
export class MissWriter {
  private readonly control: Int32Array;
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;
  private put: number;

  constructor(ring: MissRing) {
    this.control = new Int32Array(ring, 0, CONTROL_WORDS);
    this.words = new Uint32Array(ring, CONTROL_WORDS * 4);
    this.bytes = new Uint8Array(ring, CONTROL_WORDS * 4);
    this.put = this.control[RingWord.Put] as number;
  }

  /** Copies a datagram into the ring, for the next time that it is published; `false` where there is no room. */
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

  /** Lets the main thread have what was added, and says whether it must be told. */
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
