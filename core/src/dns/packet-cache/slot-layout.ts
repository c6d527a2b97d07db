/**
 * The words of 32 bits at the beginning of each slot.
 *
 * - `Generation`: odd while the slot is live; even while it is empty, ended or being written. Every change counts up.
 * - `Uses`: how often it was given, which only readers change. It is never set back.
 * - `Turn`: by how many records the next answer begins further on.
 * - `KeyLength`, `TailLength`, `OptionsLength` (of the OPT record): in bytes.
 * - `FlagsAndAnswers`, `OtherCounts`: the header behind the id, without the count of questions, which is 1.
 * - `Ttls`: how many TTLs count down.
 * - `RotationLength`: the length of each answer record where they take turns, else 0.
 */
export const Word = {
  Generation: 0,
  Uses: 1,
  Turn: 2,
  KeyLength: 3,
  FlagsAndAnswers: 4,
  OtherCounts: 5,
  OptionsLength: 6,
  TailLength: 7,
  Ttls: 8,
  RotationLength: 9,
} as const;

/** The doubles of 64 bits in a slot, behind its words: by the clock, in milliseconds. */
export const Time = { Stored: 6, Expiry: 7 } as const;

/** Where the key begins in a slot, in bytes. The tail follows it at the next multiple of four; then options and TTLs. */
export const KEY_AT = 64;

/** The longest key: a question and a byte of flags. */
export const LONGEST_KEY = 260;

/** Where the tail begins, which is what stands behind the question, as far as an OPT record. */
export function tailAt(keyLength: number): number {
  return KEY_AT + ((keyLength + 3) & ~3);
}
