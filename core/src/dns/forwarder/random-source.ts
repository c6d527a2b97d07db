import { randomFillSync } from 'node:crypto';

/** In bytes. */
const BLOCK_SIZE = 4_096;

/**
 * Unpredictable numbers (RFC 4086) from the system's generator. They are drawn in blocks: one call per number costs
 * more than everything else for a query.
 */
export class RandomSource {
  private readonly block = Buffer.alloc(BLOCK_SIZE);
  private position = BLOCK_SIZE;

  uint16(): number {
    return this.block.readUInt16LE(this.take(2));
  }

  uint32(): number {
    return this.block.readUInt32LE(this.take(4));
  }

  /**
   * A number from 0 to `limit` - 1, `limit` at most 65,536; exactly uniform where `limit` is a power of two, else
   * nearly so.
   */
  below(limit: number): number {
    return (this.uint16() * limit) >>> 16;
  }

  private take(length: number): number {
    if (this.position + length > BLOCK_SIZE) {
      randomFillSync(this.block);
      this.position = 0;
    }
    const start = this.position;
    this.position += length;
    return start;
  }
}
