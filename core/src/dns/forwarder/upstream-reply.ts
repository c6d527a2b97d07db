import { HEADER_LENGTH, HeaderFlag, readFlags } from '../wire/header.js';
import { readUint16 } from '../wire/bytes.js';
import { questionEnd } from '../wire/question.js';

/**
 * What a message is to the query whose id it has (RFC 5452, 9.1).
 *
 * - `reply`: a response to its very question, byte for byte.
 * - `other-case`: one to its question, but for the case of letters.
 * - `foreign`: anything else.
 */
export type ReplyKind = 'reply' | 'other-case' | 'foreign';

const OPCODE = 0x7800;

/** Judges a message of any bytes by the query that was sent. */
export function replyKind(query: Uint8Array, message: Uint8Array): ReplyKind {
  const end = questionEnd(query);
  if (message.length < end || readUint16(message, 4) !== 1) return 'foreign';
  const flags = readFlags(message);
  if ((flags & HeaderFlag.Response) === 0 || (flags & OPCODE) !== 0) return 'foreign';
  let kind: ReplyKind = 'reply';
  for (let index = HEADER_LENGTH; index < end; index++) {
    const sent = query[index] as number;
    const got = message[index] as number;
    if (sent === got) continue;
    if (index >= end - 4 || !sameLetter(sent, got)) return 'foreign';
    kind = 'other-case';
  }
  return kind;
}

function sameLetter(one: number, other: number): boolean {
  const folded = one | 0x20;
  return folded === (other | 0x20) && folded >= 0x61 && folded <= 0x7a;
}
