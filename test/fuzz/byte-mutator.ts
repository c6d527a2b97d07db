import type { Numbers } from '../support/numbers-from.js';

const TELLING = [
  0, 1, 0x09, 0x0a, 0x20, 0x22, 0x2d, 0x30, 0x39, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc3, 0xff,
];

/** Makes new inputs of old ones: spoilt in a few ways at once, mixed, or with words that mean something put in. */
export class ByteMutator {
  readonly #words: readonly Uint8Array[];

  /** @param corpus may become longer meanwhile */
  constructor(
    private readonly corpus: readonly Uint8Array[],
    private readonly next: Numbers,
    words: readonly (string | Uint8Array)[] = [],
    private readonly longest = 8_192,
  ) {
    this.#words = words.map((word) => (typeof word === 'string' ? Buffer.from(word) : word));
  }

  readonly mutate = (): Uint8Array => {
    let input = this.#pick();
    for (let rounds = this.next(6); rounds >= 0; rounds--) input = this.#spoil(input);
    return input.subarray(0, this.longest);
  };

  #spoil(input: Uint8Array): Uint8Array {
    const { next } = this;
    const at = next(input.length + 1);
    const end = Math.min(input.length, at + next(16));
    const splice = (middle: Uint8Array, from = end): Uint8Array =>
      Buffer.concat([input.subarray(0, at), middle, input.subarray(from)]);
    switch (next(9)) {
      case 0:
        return splice(new Uint8Array());
      case 1:
        return splice(
          Uint8Array.from({ length: next(8) }, () => next(256)),
          at,
        );
      case 2: // A piece again, sometimes very often.
        return splice(this.#again(input.subarray(at, end)), at);
      case 3:
        return splice(this.#piece());
      case 4:
      case 5:
        return this.#words.length === 0
          ? splice(this.#telling())
          : splice(this.#words[next(this.#words.length)] as Uint8Array, next(2) === 0 ? at : end);
      case 6:
        return input.length === 0
          ? input
          : Uint8Array.from(input).with(at % input.length, (input[at % input.length] ?? 0) ^ (1 << next(8)));
      case 7: // A number, another one.
        return splice(Buffer.from(String(next(2) === 0 ? next(100) : (next(2) === 0 ? -1 : 1) * 2 ** next(64))));
      default:
        return splice(this.#telling(), at);
    }
  }

  #again(piece: Uint8Array): Uint8Array {
    const times = this.next(40) === 0 ? 1_000 : 1 + this.next(4);
    return Buffer.concat(Array.from({ length: times }, () => piece));
  }

  #telling(): Uint8Array {
    return Uint8Array.of(TELLING[this.next(TELLING.length)] as number);
  }

  #piece(): Uint8Array {
    const other = this.#pick();
    const start = this.next(other.length + 1);
    return other.subarray(start, start + this.next(64));
  }

  #pick(): Uint8Array {
    return this.corpus[this.next(this.corpus.length)] ?? new Uint8Array();
  }
}
