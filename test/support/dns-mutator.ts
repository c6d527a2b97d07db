import { withOptions, type EdnsOption } from './edns-options.js';
import { numbersFrom, type Numbers } from './numbers-from.js';

/** Bytes with a meaning of their own in a message: lengths at their limits, pointers, signs. */
const TELLING_BYTES = [0, 1, 12, 41, 63, 64, 127, 128, 0xc0, 0xff];

/** The EDNS option of RFC 7873, into which most looking goes. */
const COOKIE = 10;

/** Spoils messages, each in a few ways at once, the same way for the same seed. */
export class DnsMutator {
  private readonly next: Numbers;

  constructor(
    private readonly corpus: readonly Uint8Array[],
    seed: number,
  ) {
    this.next = numbersFrom(seed);
  }

  /** A spoilt message blown up to tens of thousands of bytes, as only TCP carries it, by what is worth repeating. */
  mutateLong(): Uint8Array {
    const message = this.mutate();
    const filling = this.next(2) === 0 ? this.pick().subarray(this.next(40)) : Uint8Array.of(0xc0, 12, 0, 10, 0, 8);
    const long = Buffer.alloc(20_000 + this.next(45_000), filling.length === 0 ? 0 : filling);
    long.set(message.subarray(0, long.length));
    // An OPT record as long as all that follows it, or as many records as fit: both are within a header's means.
    const start = long.indexOf(Uint8Array.of(0, 0, 41));
    if (start >= 0 && start + 11 <= long.length) long.writeUInt16BE(long.length - start - 11, start + 9);
    else long.writeUInt16BE(0xffff, 6 + 2 * this.next(3));
    return long;
  }

  /** The next message, of at most 65,535 bytes and seldom more than a few hundred. */
  mutate(): Uint8Array {
    let message: Uint8Array = Uint8Array.from(this.pick());
    for (let rounds = this.next(5); rounds >= 0; rounds--) message = this.spoil(message);
    return message;
  }

  private spoil(message: Uint8Array): Uint8Array {
    const at = this.next(Math.max(message.length, 1));
    switch (this.next(10)) {
      case 0:
        return message.slice(0, at);
      case 1:
        return Buffer.concat([message, Uint8Array.from({ length: this.next(40) }, () => this.next(256))]);
      case 2:
        return Buffer.concat([message.subarray(0, at), this.pick().subarray(this.next(20))]);
      case 3: // A piece twice.
        return Buffer.concat([message.subarray(0, at), message.subarray(this.next(at + 1))]);
      case 4: // A count, forged.
        return message.length < 12 ? message : message.with(4 + this.next(8), this.telling());
      case 5: // A chain of pointers, each to the one before.
        return Buffer.concat([
          message,
          ...Array.from({ length: 30 }, (_, n) => Uint8Array.of(0xc0, message.length + n * 2 - 2)),
        ]);
      case 6: // EDNS options, forged.
      case 7:
        return withOptions(message, this.options(), this.next(4) === 0 ? this.next(9) - 4 : 0);
      case 8:
        return message.length === 0 ? message : message.with(at, (message[at] ?? 0) ^ (1 << this.next(8)));
      default:
        return message.length === 0 ? message : message.with(at, this.telling());
    }
  }

  private options(): EdnsOption[] {
    return Array.from({ length: 1 + this.next(4) }, () => {
      const data = Uint8Array.from({ length: this.next(48) }, () => this.telling());
      const code = this.next(2) === 0 ? COOKIE : this.next(20);
      return { code, data, ...(this.next(4) === 0 && { length: this.next(70) }) };
    });
  }

  private telling(): number {
    return this.next(3) === 0 ? this.next(256) : (TELLING_BYTES[this.next(TELLING_BYTES.length)] ?? 0);
  }

  private pick(): Uint8Array {
    return this.corpus[this.next(this.corpus.length)] ?? new Uint8Array();
  }
}
