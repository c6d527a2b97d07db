/** In bytes: small, as one piece that is held for long keeps the whole slab in memory. */
const SIZE = 8_192;

/** Longer pieces get memory of their own, in bytes. */
const LONGEST = SIZE / 4;

/**
 * Cuts buffers for messages from larger blocks of memory: to allocate each one takes several times as long, and even
 * Node's buffer pool takes twice as long.
 */
export class Slab {
  private memory = new ArrayBuffer(SIZE);
  private used = 0;

  /** A piece of this length in bytes, with arbitrary contents, aligned to 8 bytes. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > LONGEST) return new Uint8Array(length);
    const at = this.cut(length);
    return new Uint8Array(this.memory, at, length);
  }

  /** A piece of so many 32-bit words. */
  takeWords(count: number): Uint32Array<ArrayBuffer> {
    if (count * 4 > LONGEST) return new Uint32Array(count);
    const at = this.cut(count * 4);
    return new Uint32Array(this.memory, at, count);
  }

  private cut(length: number): number {
    if (this.used + length > SIZE) {
      this.memory = new ArrayBuffer(SIZE);
      this.used = 0;
    }
    const at = this.used;
    this.used = (at + length + 7) & ~7;
    return at;
  }
}
