import type { DnsQuery } from '../../contracts/resolver.js';
import { HEADER_LENGTH } from '../wire/header.js';

/**
 * The client's flags that change an answer besides the question: DO, CD and AD (RFC 4035, 3.2; RFC 6840, 5.7 to 5.9).
 */
export const KeyFlag = { DnssecOk: 1, CheckingDisabled: 2, AuthenticData: 4 } as const;

/** The longest key: a name of 255 bytes, type, class, and a byte of flags. */
const scratch = Buffer.allocUnsafe(255 + 4 + 1);

/** The lengths of the key's parts behind the name: type, class and flags; and class and flags alone. */
const AFTER_NAME = 5;
const CLASS_AND_FLAGS = 3;

/**
 * The key of the answer to a well-formed query: the question's bytes with the name in lower case, and the flags, one
 * character per byte.
 */
export function cacheKey(query: DnsQuery): string {
  const { message } = query;
  let length = 0;
  let position = HEADER_LENGTH;
  for (let size = message[position] as number; size !== 0; size = message[position] as number) {
    for (const end = position + size + 1; position < end; position++) {
      const byte = message[position] as number;
      scratch[length++] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    }
  }
  for (const end = position + 5; position < end; position++) scratch[length++] = message[position] as number;
  scratch[length++] = flagsOf(query);
  return scratch.toString('latin1', 0, length);
}

/** The name in a key, in the form of `readName`. */
export function nameIn(key: string): string {
  return key.slice(0, -AFTER_NAME);
}

export function flagsIn(key: string): number {
  return key.charCodeAt(key.length - 1);
}

/** The key of a name that does not exist, whatever the type, with the class and flags of the other key. */
export function cutKey(name: string, key: string): string {
  return name + key.slice(-CLASS_AND_FLAGS);
}

function flagsOf({ edns, checkingDisabled, authenticData }: DnsQuery): number {
  return (
    (edns?.dnssecOk === true ? KeyFlag.DnssecOk : 0) |
    (checkingDisabled ? KeyFlag.CheckingDisabled : 0) |
    (authenticData ? KeyFlag.AuthenticData : 0)
  );
}
