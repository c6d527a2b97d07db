import type { RandomSource } from './random-source.js';

/**
 * Gives each letter in these bytes of a name a random case, so that an answer which repeats it exactly can hardly have
 * been guessed (draft-vixie-dnsext-dns0x20). Length bytes are no letters.
 */
export function mixCase(bytes: Uint8Array, start: number, end: number, random: RandomSource): void {
  let bits = 0;
  let left = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    const folded = byte | 0x20;
    if (folded < 0x61 || folded > 0x7a || byte < 0x41) continue;
    if (left === 0) [bits, left] = [random.uint32(), 32];
    bytes[index] = (bits & 1) === 0 ? folded : folded & ~0x20;
    bits >>>= 1;
    left -= 1;
  }
}
