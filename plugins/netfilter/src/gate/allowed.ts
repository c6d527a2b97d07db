import { readSync, writeSync } from 'node:fs';

const SEALED = 'sealed';

/**
 * The addresses that may be armed, kept in a file that only gates have: one that starts in the place of another knows
 * what that one was told before Jitsu gave up its rights, and asks nobody.
 */
export class Allowed {
  readonly #addresses = new Set<string>();
  #isSealed = false;

  /** @param file its number */
  constructor(private readonly file: number) {
    for (const line of linesOf(file)) {
      if (line === SEALED) this.#isSealed = true;
      else this.#addresses.add(line);
    }
  }

  /** @param addresses in hexadecimal digits */
  add(addresses: readonly string[]): void {
    if (this.#isSealed) return;
    const news = addresses.filter((address) => !this.#addresses.has(address));
    for (const address of news) this.#addresses.add(address);
    if (news.length > 0) writeSync(this.file, `${news.join('\n')}\n`);
  }

  /** Nothing is added from now on. */
  seal(): void {
    if (this.#isSealed) return;
    this.#isSealed = true;
    writeSync(this.file, `${SEALED}\n`);
  }

  /** Whether it may be armed; everything may before the seal. */
  has(address: string): boolean {
    return !this.#isSealed || this.#addresses.has(address);
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
