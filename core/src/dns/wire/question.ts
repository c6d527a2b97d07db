import { decodeName } from './domain-name.js';
import { foldCase, readUint16 } from './bytes.js';
import { HEADER_LENGTH } from './header.js';

/** The first question of a message. */
export interface Question {
  /** Lower case, presentation form. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The question's end, as an offset in the message. */
  readonly end: number;
}

/** Reads the first question; `undefined` where it is cut off, malformed or compressed (no name precedes it). */
export function readQuestion(message: Uint8Array): Question | undefined {
  const decoded = decodeName(message, HEADER_LENGTH);
  if (decoded === undefined || decoded.end + 4 > message.length) return undefined;
  const { name, end } = decoded;
  return { name, type: readUint16(message, end), class: readUint16(message, end + 2), end: end + 4 };
}

const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;

/** The end of the first question, for questions that {@link readQuestion} would read. */
export function endOfQuestion(message: Uint8Array): number | undefined {
  let position = HEADER_LENGTH;
  while (position < message.length) {
    const size = message[position] as number;
    position += size + 1;
    if (size > LONGEST_LABEL || position - HEADER_LENGTH > LONGEST_NAME) return undefined;
    if (size === 0) return position + 4 > message.length ? undefined : position + 4;
  }
  return undefined;
}

/** The end of a well-formed message's question. */
export function questionEnd(message: Uint8Array): number {
  let end = HEADER_LENGTH;
  for (let length = message[end] as number; length !== 0; length = message[end] as number) end += length + 1;
  return end + 5;
}

/** The bytes of a well-formed message's first question, in the client's own case. */
export function questionBytes(message: Uint8Array): Uint8Array {
  return message.subarray(HEADER_LENGTH, questionEnd(message));
}

/** Whether two questions are equal: byte for byte, or except for the case of letters in the name. */
export function sameQuestion(one: Uint8Array, other: Uint8Array): boolean {
  if (Buffer.compare(one, other) === 0) return true;
  if (one.length !== other.length || Buffer.compare(one.subarray(-4), other.subarray(-4)) !== 0) return false;
  return Buffer.compare(foldCase(one.subarray(0, -4)), foldCase(other.subarray(0, -4))) === 0;
}
