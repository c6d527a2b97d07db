/** In bytes. */
const LONGEST_BY_HAND = 256;

/** Copies bytes: by hand what is as short as most messages are, for which a view and its `set` take several times as long. */
export function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start > LONGEST_BY_HAND) into.set(from.subarray(start, end), at);
  else for (let index = start; index < end; index++) into[at + index - start] = from[index] as number;
}
