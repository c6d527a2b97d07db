/** Numbers that look random and are the same for the same seed (mulberry32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Bytes with a meaning of their own in a message: lengths at their limits, pointers, signs. */
const TELLING_BYTES = [0, 1, 12, 41, 63, 64, 127, 128, 0xc0, 0xff];

/** Spoils messages, each in a few ways at once, the same way for the same seed. */
export class DnsMutator {
  private readonly next: (below: number) => number;

  constructor(
    private readonly corpus: readonly Uint8Array[],
    seed: number,
  ) {
    this.next = numbersFrom(seed);
  }

  /** The next message, of at most 65,535 bytes and seldom more than a few hundred. */
  mutate(): Uint8Array {
    let message: Uint8Array = Uint8Array.from(this.pick());
    for (let rounds = this.next(5); rounds >= 0; rounds--) message = this.spoil(message);
    return message;
  }

  private spoil(message: Uint8Array): Uint8Array {
    const at = this.next(Math.max(message.length, 1));
    switch (this.next(8)) {
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
      case 6:
        return message.length === 0 ? message : message.with(at, (message[at] ?? 0) ^ (1 << this.next(8)));
      default:
        return message.length === 0 ? message : message.with(at, this.telling());
    }
  }

  private telling(): number {
    return this.next(3) === 0 ? this.next(256) : (TELLING_BYTES[this.next(TELLING_BYTES.length)] ?? 0);
  }

  private pick(): Uint8Array {
    return this.corpus[this.next(this.corpus.length)] ?? new Uint8Array();
  }
}
