import { readUint16 } from '../wire/bytes.js';
import { HEADER_LENGTH } from '../wire/header.js';

/** A power of two; about as many queries are in flight at most, by default. */
const BUCKETS = 1_024;

/** An item that can be in one index at a time. */
export interface Indexed<T> {
  /** A message with a well-formed question. */
  readonly query: { readonly message: Uint8Array };
  /** Written by the index only; negative outside an index. */
  bucket: number;
  nextInBucket: T | undefined;
}

/**
 * Finds items by the names of their questions, whatever the case of letters, and by their types. It allocates nothing: a
 * Map would make a key of each question.
 */
export class QuestionIndex<T extends Indexed<T>> {
  private readonly buckets = new Array<T | undefined>(BUCKETS).fill(undefined);
  private count = 0;

  /** @param seed what makes it hard to choose many names that are in one bucket */
  constructor(private readonly seed: number) {}

  get size(): number {
    return this.count;
  }

  /** Does nothing where it is in the index already. */
  add(item: T): void {
    if (item.bucket >= 0) return;
    const bucket = this.bucketOf(item.query.message);
    item.bucket = bucket;
    item.nextInBucket = this.buckets[bucket];
    this.buckets[bucket] = item;
    this.count += 1;
  }

  /** Does nothing where it is not in the index. */
  delete(item: T): void {
    const { bucket, nextInBucket } = item;
    if (bucket < 0) return;
    let before = this.buckets[bucket] as T;
    if (before === item) this.buckets[bucket] = nextInBucket;
    else {
      while (before.nextInBucket !== item) before = before.nextInBucket as T;
      before.nextInBucket = nextInBucket;
    }
    item.bucket = -1;
    item.nextInBucket = undefined;
    this.count -= 1;
  }

  /**
   * The first item of those that may have the question of a message; the others follow by `nextInBucket`. There may be
   * items among them that have another question.
   */
  alike(message: Uint8Array): T | undefined {
    return this.count === 0 ? undefined : this.buckets[this.bucketOf(message)];
  }

  /** FNV-1a. */
  private bucketOf(message: Uint8Array): number {
    let hash = this.seed;
    let index = HEADER_LENGTH;
    for (; index < message.length && message[index] !== 0; index++) {
      const byte = message[index] as number;
      // The lengths of labels are below the letters.
      hash = Math.imul(hash ^ (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte), 0x01000193);
    }
    hash = Math.imul(hash ^ readUint16(message, index + 1), 0x01000193);
    return (hash ^ (hash >>> 16)) & (BUCKETS - 1);
  }
}
