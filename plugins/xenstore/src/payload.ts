import { MalformedMessage } from './malformed-message.js';

/** Strings in the protocol's form, each followed by a NUL. */
export function encodeStrings(...strings: readonly string[]): Buffer {
  return Buffer.from(strings.map((text) => `${text}\0`).join(''));
}

/** @throws MalformedMessage where no NUL follows the last one */
export function decodeStrings(payload: Buffer): string[] {
  if (payload.length === 0) return [];
  if (payload[payload.length - 1] !== 0) throw new MalformedMessage('a list of strings without an end');
  return payload.toString('utf8', 0, payload.length - 1).split('\0');
}

/** @throws MalformedMessage for anything but one string that matches */
export function decodeString(payload: Buffer, pattern: RegExp): string {
  const [text, ...more] = decodeStrings(payload);
  if (text === undefined || more.length > 0 || !pattern.test(text)) {
    throw new MalformedMessage(
      `${String(pattern)} expected, ${JSON.stringify(payload.toString('latin1', 0, 40))} found`,
    );
  }
  return text;
}

/** The reply to a request without a result. */
export function decodeAcknowledgement(payload: Buffer): void {
  decodeString(payload, /^OK$/);
}
