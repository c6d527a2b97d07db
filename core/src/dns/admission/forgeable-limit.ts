/** How much longer than its query a response over UDP may be while its source may be forged, and what it may always be. */
const LARGEST_FACTOR = 4;
const ALWAYS_ALLOWED = 128;

/** How long a response to a source that may be forged may be, by the length of its query, in bytes. */
export function forgeableLimit(queryLength: number): number {
  return Math.max(ALWAYS_ALLOWED, LARGEST_FACTOR * queryLength);
}
