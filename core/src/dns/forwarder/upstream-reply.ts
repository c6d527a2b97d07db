import { HEADER_LENGTH, HeaderFlag, readFlags, readUint16 } from '../wire/header.js';
import { questionBytes, readQuestion, sameQuestion } from '../wire/question.js';

/** Whether a message is a response to this very query: its id, QR, opcode 0 and the same question (RFC 5452, 9.1). */
export function isReplyTo(query: Uint8Array, message: Uint8Array): boolean {
  if (message.length < HEADER_LENGTH || readUint16(message, 0) !== readUint16(query, 0)) return false;
  const flags = readFlags(message);
  if ((flags & HeaderFlag.Response) === 0 || (flags & 0x7800) !== 0 || readUint16(message, 4) !== 1) return false;
  const end = readQuestion(message)?.end;
  return end !== undefined && sameQuestion(message.subarray(HEADER_LENGTH, end), questionBytes(query));
}

/** Whether a response says that it has been cut (RFC 1035, 4.1.1). */
export function isTruncated(message: Uint8Array): boolean {
  return (readFlags(message) & HeaderFlag.Truncated) !== 0;
}
