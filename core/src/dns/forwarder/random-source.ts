import { randomFillSync } from 'node:crypto';

/** How many bytes are drawn at once. */
const BLOCK = 4_096;

/**
 * Numbers that nobody can guess (RFC 4086), from the system's generator. They are drawn by the block: a call for each
 * would cost more than all else that is done for a query.
 */
export class RandomSource {
  private readonly block = Buffer.alloc(BLOCK);
  private position = BLOCK;

  uint16(): number {
    return this.block.readUInt16LE(this.take(2));
  }

  uint32(): number {
    return this.block.readUInt32LE(this.take(4));
  }

  /** From 0 to `limit` - 1; even where `limit` is a power of two, and near enough elsewhere: at most 65,536. */
  below(limit: number): number {
    return (this.uint16() * limit) >>> 16;
  }

  private take(length: number): number {
    if (this.position + length > BLOCK) {
      randomFillSync(this.block);
      this.position = 0;
    }
    const start = this.position;
    this.position += length;
    return start;
  }
}
