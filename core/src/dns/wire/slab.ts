/** In bytes: small, as one piece that is held for long keeps all of it in memory. */
const SIZE = 8_192;

/** What is longer gets memory of its own. */
const LONGEST = SIZE / 4;

/**
 * Cuts pieces for messages off larger pieces of memory: to make one for each takes several times as long, and even Node's
 * pool of buffers takes twice as long.
 */
export class Slab {
  private memory = new ArrayBuffer(SIZE);
  private used = 0;

  /** So many bytes, whose contents are anything, beginning at a multiple of 8. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > LONGEST) return new Uint8Array(length);
    const at = this.cut(length);
    return new Uint8Array(this.memory, at, length);
  }

  /** So many words of 32 bits. */
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
