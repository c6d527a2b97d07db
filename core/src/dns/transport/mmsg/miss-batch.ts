import { ENVELOPE_WORDS, type DatagramBatch } from './datagram-batch.js';

/** Before each miss: its length in bytes. */
const HEAD_WORDS = 1 + ENVELOPE_WORDS;

/** A datagram that the main thread has to answer. */
export interface Miss {
  readonly message: Uint8Array;
  readonly envelope: Uint32Array;
}

/** Copies some datagrams of a batch into one piece of memory, closely. */
export function packMisses(batch: DatagramBatch, indices: Uint8Array): ArrayBuffer {
  let words = 0;
  for (const index of indices) words += HEAD_WORDS + wordsFor(batch.lengthOf(index));
  const packed = new ArrayBuffer(words * 4);
  const into = new Uint32Array(packed);
  let position = 0;
  for (const index of indices) {
    const length = batch.lengthOf(index);
    into[position] = length;
    batch.copyEnvelope(index, into.subarray(position + 1, position + HEAD_WORDS));
    position += HEAD_WORDS;
    const message = (batch.payloads[index] as Uint8Array).subarray(0, length);
    new Uint8Array(packed).set(message, position * 4);
    position += wordsFor(length);
  }
  return packed;
}

/** Takes them out again, each as a copy: one that waits for long must not keep the others in memory. */
export function* unpackMisses(packed: ArrayBuffer): Generator<Miss> {
  const words = new Uint32Array(packed);
  for (let position = 0; position < words.length;) {
    const length = words[position] as number;
    const end = position + HEAD_WORDS + wordsFor(length);
    const copy = packed.slice((position + 1) * 4, end * 4);
    yield {
      message: new Uint8Array(copy, ENVELOPE_WORDS * 4, length),
      envelope: new Uint32Array(copy, 0, ENVELOPE_WORDS),
    };
    position = end;
  }
}

function wordsFor(length: number): number {
  return (length + 3) >> 2;
}
