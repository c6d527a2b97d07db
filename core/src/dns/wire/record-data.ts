import { copyBytes, readUint16 } from './bytes.js';
import { expandedName, type MessageNames } from './compressed-name.js';
import type { RecordSpan } from './message-sections.js';
import type { WireWriter } from './wire-writer.js';

/** Parts of a record's data besides a fixed number of bytes: a name, a character string, and whatever follows. */
const Part = { Name: -1, String: -2, Rest: -3 } as const;

const { Name, String: Text, Rest } = Part;

/** The data of the types that hold names or have a fixed size, by their numbers. */
const LAYOUTS: ReadonlyMap<number, readonly number[]> = new Map([
  [1, [4]], // A
  [2, [Name]], // NS
  [3, [Name]], // MD
  [4, [Name]], // MF
  [5, [Name]], // CNAME
  [6, [Name, Name, 20]], // SOA
  [7, [Name]], // MB
  [8, [Name]], // MG
  [9, [Name]], // MR
  [12, [Name]], // PTR
  [13, [Text, Text]], // HINFO
  [14, [Name, Name]], // MINFO
  [15, [2, Name]], // MX
  [17, [Name, Name]], // RP
  [18, [2, Name]], // AFSDB
  [21, [2, Name]], // RT
  [23, [Name]], // NSAP-PTR
  [24, [18, Name, Rest]], // SIG
  [26, [2, Name, Name]], // PX
  [28, [16]], // AAAA
  [29, [16]], // LOC
  [30, [Name, Rest]], // NXT
  [33, [6, Name]], // SRV
  [35, [4, Text, Text, Text, Name]], // NAPTR
  [36, [2, Name]], // KX
  [39, [Name]], // DNAME
  [46, [18, Name, Rest]], // RRSIG
  [47, [Name, Rest]], // NSEC
  [58, [Name, Name]], // TALINK
  [64, [2, Name, Rest]], // SVCB
  [65, [2, Name, Rest]], // HTTPS
  [104, [10]], // NID
  [105, [6]], // L32
  [106, [10]], // L64
  [107, [2, Name]], // LP
  [108, [6]], // EUI48
  [109, [8]], // EUI64
]);

/** The types whose names may be compressed; in all others no receiver need understand it (RFC 3597, 4). */
const COMPRESSIBLE: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15]);

/** Types that no record has (RFC 6895, 3.1): 0, and the meta-types and question types. */
function isNoDataType(type: number): boolean {
  return type === 0 || (type >= 128 && type <= 255);
}

/**
 * Whether a record of a message has the data that its type requires: the types that hold names or have a fixed size are
 * checked, names as far as pointers lead. False for a type that only questions or transactions have, such as TSIG.
 */
export function hasValidData(message: Uint8Array, { typeAt, type, end }: RecordSpan, names: MessageNames): boolean {
  const layout = LAYOUTS.get(type);
  if (layout === undefined) return !isNoDataType(type);
  let position = typeAt + 10;
  for (const part of layout) {
    if (part === Rest) return true;
    const next = endOfPart(message, position, part, names);
    if (next === undefined || next > end) return false;
    position = next;
  }
  return position === end;
}

/** Calls `visit` with the offset of each name in the data of a record that was found valid. */
export function visitNames(
  message: Uint8Array,
  { typeAt, type }: RecordSpan,
  names: MessageNames,
  visit: (offset: number) => void,
): void {
  const layout = LAYOUTS.get(type);
  if (layout === undefined) return;
  let position = typeAt + 10;
  for (const part of layout) {
    if (part === Rest) break;
    if (part === Name) visit(position);
    position = endOfPart(message, position, part, names) as number;
  }
}

/** The data of a record that was found valid, with its names written out. */
export function dataOf(message: Uint8Array, { typeAt, type, end }: RecordSpan, names: MessageNames): Uint8Array {
  const parts: Uint8Array[] = [];
  let position = typeAt + 10;
  for (const part of LAYOUTS.get(type) ?? []) {
    if (part === Rest) break;
    const next = endOfPart(message, position, part, names) as number;
    parts.push(part === Name ? (expandedName(message, position) as Uint8Array) : message.subarray(position, next));
    position = next;
  }
  return Buffer.concat([...parts, message.subarray(position, end)]);
}

/** Writes a record that was found valid, and whose owner is well-formed, into another message. */
export function copyRecord(
  message: Uint8Array,
  { start, typeAt, type, end }: RecordSpan,
  writer: WireWriter,
  names: MessageNames,
): void {
  const compress = (offset: number): void => {
    if (!writer.pointer(names.at(offset) as string)) writer.wireName(expandedName(message, offset) as Uint8Array);
  };
  compress(start);
  writer.append(message.subarray(typeAt, typeAt + 8));
  const lengthAt = writer.position;
  writer.uint16(0);
  let position = typeAt + 10;
  for (const part of LAYOUTS.get(type) ?? []) {
    if (part === Rest) break;
    const next = endOfPart(message, position, part, names) as number;
    if (part !== Name) writer.append(message.subarray(position, next));
    else if (COMPRESSIBLE.has(type)) compress(position);
    else writer.append(expandedName(message, position) as Uint8Array);
    position = next;
  }
  writer.append(message.subarray(position, end));
  writer.patchUint16(lengthAt, writer.position - lengthAt - 2);
}

function endOfPart(message: Uint8Array, position: number, part: number, names: MessageNames): number | undefined {
  if (part === Name) return names.endAt(position);
  return part === Text ? position + 1 + (message[position] ?? 0) : position + part;
}

/** The SvcParamKeys of address hints (RFC 9460, 7.3), and the length of one address. */
const HINTS: ReadonlyMap<number, number> = new Map([
  [4, 4],
  [6, 16],
]);

/** The most addresses that are looked at in one record: no honest one has as many. */
const MOST_HINTS = 256;

const ipv4 = new Uint8Array(4);
const ipv6 = new Uint8Array(16);

/**
 * Whether a valid A, AAAA, SVCB or HTTPS record holds an address that `isWanted`, the hints of the latter included; true
 * also where its parameters are malformed, or hold more than 256 addresses. The address is not valid after the call.
 */
export function holdsAddress(
  message: Uint8Array,
  { typeAt, type, end }: RecordSpan,
  names: MessageNames,
  isWanted: (address: Uint8Array) => boolean,
): boolean {
  const dataAt = typeAt + 10;
  const isWantedAt = (at: number, address: Uint8Array): boolean => {
    copyBytes(message, at, at + address.length, address, 0);
    return isWanted(address);
  };
  if (type === 1) return isWantedAt(dataAt, ipv4);
  if (type === 28) return isWantedAt(dataAt, ipv6);
  if (type !== 64 && type !== 65) return false;
  let left = MOST_HINTS;
  for (let position = names.endAt(dataAt + 2) as number; position < end;) {
    const valueAt = position + 4;
    const next = valueAt + readUint16(message, position + 2);
    if (valueAt > end || next > end) return true;
    const length = HINTS.get(readUint16(message, position));
    if (length !== undefined) {
      for (let at = valueAt; at + length <= next; at += length) {
        if (left-- === 0 || isWantedAt(at, length === 4 ? ipv4 : ipv6)) return true;
      }
    }
    position = next;
  }
  return false;
}
