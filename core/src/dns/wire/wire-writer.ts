import { encodeName } from './domain-name.js';
import { foldCase } from './bytes.js';

/** The highest offset that a compression pointer can hold (RFC 1035, 4.1.4). */
const HIGHEST_POINTER = 0x3fff;

/**
 * Builds one message and compresses names against everything written before. Grows as needed; the caller enforces
 * limits.
 */
export class WireWriter {
  private bytes = Buffer.allocUnsafe(512);
  private length = 0;
  private readonly suffixes = new Map<string, number>();
  private compared = 0;

  get position(): number {
    return this.length;
  }

  /** The bytes of names, and of their ends, that were looked up to compress them: what it has cost. */
  get effort(): number {
    return this.compared;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.length = this.bytes.writeUInt8(value, this.length);
  }

  uint16(value: number): void {
    this.reserve(2);
    this.length = this.bytes.writeUInt16BE(value, this.length);
  }

  uint32(value: number): void {
    this.reserve(4);
    this.length = this.bytes.writeUInt32BE(value, this.length);
  }

  append(data: Uint8Array): void {
    this.reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  /** Overwrites a 16-bit number that was written before. */
  patchUint16(offset: number, value: number): void {
    this.bytes.writeUInt16BE(value, offset);
  }

  /** A name in presentation form. @throws RangeError as {@link encodeName} */
  name(name: string): void {
    this.wireName(encodeName(name));
  }

  /** Writes an uncompressed name in wire form, in its own case as far as it is not a pointer to an earlier name. */
  wireName(wire: Uint8Array): void {
    const folded = Buffer.from(foldCase(wire));
    let start = 0;
    for (let size = wire[0] ?? 0; size !== 0; size = wire[start] ?? 0) {
      const suffix = folded.toString('latin1', start);
      this.compared += suffix.length;
      const earlier = this.suffixes.get(suffix);
      if (earlier !== undefined) {
        this.uint16(0xc000 | earlier);
        return;
      }
      if (this.length <= HIGHEST_POINTER) this.suffixes.set(suffix, this.length);
      this.append(wire.subarray(start, start + size + 1));
      start += size + 1;
    }
    this.uint8(0);
  }

  /** Writes a pointer to a name, in the form of `readName`, if it was written before: false if it was not. */
  pointer(name: string): boolean {
    const earlier = this.suffixes.get(name);
    if (earlier !== undefined) this.uint16(0xc000 | earlier);
    return earlier !== undefined;
  }

  /** Removes everything from `position` on. */
  rewind(position: number): void {
    this.length = position;
    for (const [suffix, offset] of this.suffixes) if (offset >= position) this.suffixes.delete(suffix);
  }

  /** The written bytes. The writer must not be used any more. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
