import { readSync, writeSync } from 'node:fs';

const SEALED = 'sealed';

/**
 * The addresses that may be armed, kept in a file that only gates have: one that starts in the place of another knows
 * what that one was told before Jitsu gave up its rights, and asks nobody. An address has a byte in each character.
 */
export class Allowed {
  readonly #addresses = new Set<string>();
  /** Those of IPv4 and those of IPv6, once nothing is added any more: there may be very many. */
  #sealed: readonly SortedAddresses[] | undefined;

  /** @param file its number; it has the hexadecimal digits of an address in each line */
  constructor(private readonly file: number) {
    for (const line of linesOf(file)) {
      if (line === SEALED) this.#pack();
      else if (this.#sealed === undefined) this.#addresses.add(Buffer.from(line, 'hex').toString('latin1'));
    }
  }

  add(addresses: readonly string[]): void {
    if (this.#sealed !== undefined) return;
    const lines: string[] = [];
    for (const address of addresses) {
      if (this.#addresses.has(address)) continue;
      this.#addresses.add(address);
      lines.push(`${Buffer.from(address, 'latin1').toString('hex')}\n`);
    }
    if (lines.length > 0) writeSync(this.file, lines.join(''));
  }

  /** Nothing is added from now on. */
  seal(): void {
    if (this.#sealed !== undefined) return;
    this.#pack();
    writeSync(this.file, `${SEALED}\n`);
  }

  /** Whether it may be armed; everything may before the seal. */
  has(address: string): boolean {
    return this.#sealed?.some((addresses) => addresses.has(address)) ?? true;
  }

  #pack(): void {
    const all = [...this.#addresses];
    this.#addresses.clear();
    this.#sealed = [4, 16].map((width) => new SortedAddresses(width, all));
  }
}

/** Addresses of one length in order, in the memory that they take themselves. */
class SortedAddresses {
  readonly #joined: string;

  constructor(
    private readonly width: number,
    addresses: readonly string[],
  ) {
    const those = addresses.filter(({ length }) => length === width);
    this.#joined = those.sort().join('');
  }

  has(address: string): boolean {
    if (address.length !== this.width) return false;
    let low = 0;
    let high = this.#joined.length / this.width;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.#joined.slice(middle * this.width, (middle + 1) * this.width);
      if (found === address) return true;
      if (found < address) low = middle + 1;
      else high = middle;
    }
    return false;
  }
}

function linesOf(file: number): string[] {
  const chunks: Buffer[] = [];
  let position = 0;
  for (;;) {
    const chunk = Buffer.alloc(64 * 1_024);
    const length = readSync(file, chunk, 0, chunk.length, position);
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    position += length;
  }
  return Buffer.concat(chunks)
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '');
}
