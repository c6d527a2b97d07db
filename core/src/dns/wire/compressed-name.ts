import { HEADER_LENGTH } from './header.js';
import { readUint16 } from './bytes.js';
import { decodeName } from './domain-name.js';

/** The longest name in wire form, in bytes (RFC 1035, 2.3.4). */
const LONGEST_NAME = 255;

/** The most pointers in a name: with 127 labels at most, no name needs more. */
const MOST_POINTERS = 127;

/** The name that was copied last. */
const copied = Buffer.allocUnsafe(LONGEST_NAME);

/**
 * Copies the name at an offset of a message, compressed or not (RFC 1035, 4.1.4), into `copied`, without pointers. Each
 * pointer must point before the previous one, and there are at most 127 of them, so that the cost is bounded.
 * @returns the length of the copy; `undefined` if the name is malformed
 */
function copyName(message: Uint8Array, offset: number): number | undefined {
  let lowest = offset;
  let position = offset;
  let length = 0;
  let pointers = 0;
  for (;;) {
    const size = message[position];
    if (size === undefined) return undefined;
    if (size >= 0xc0) {
      const target = position + 1 < message.length ? readUint16(message, position) & 0x3fff : 0;
      if (target < HEADER_LENGTH || target >= lowest || ++pointers > MOST_POINTERS) return undefined;
      lowest = position = target;
      continue;
    }
    const end = position + size + 1;
    if (size > 63 || end > message.length || length + size + 1 > LONGEST_NAME) return undefined;
    for (let at = position; at < end; at++) copied[length + at - position] = message[at] as number;
    length += size + 1;
    position = end;
    if (size === 0) return length;
  }
}

/** The first bytes of `copied` as a text with one character per byte, letters in lower case. */
function foldedCopy(length: number): string {
  // The lengths of labels are below the letters.
  for (let at = 0; at < length; at++) {
    const byte = copied[at] as number;
    if (byte >= 0x41 && byte <= 0x5a) copied[at] = byte + 0x20;
  }
  return copied.toString('latin1', 0, length);
}

/**
 * The name at an offset of a message, compressed or not, as a comparable text: its wire form with the root's zero byte,
 * letters in lower case, one character per byte. `undefined` if it is malformed.
 */
export function readName(message: Uint8Array, offset: number): string | undefined {
  const length = copyName(message, offset);
  return length === undefined ? undefined : foldedCopy(length);
}

/** The name at an offset of a message, compressed or not, as {@link decodeName} returns it; `undefined` if it is malformed. */
export function presentationAt(message: Uint8Array, offset: number): string | undefined {
  return copyName(message, offset) === undefined ? undefined : decodeName(copied, 0)?.name;
}

/** A well-formed name at an offset of a message without pointers, in its own case; `undefined` if it is malformed. */
export function expandedName(message: Uint8Array, offset: number): Uint8Array | undefined {
  const length = copyName(message, offset);
  return length === undefined ? undefined : Uint8Array.from(copied.subarray(0, length));
}

/**
 * The most bytes of names that are read from one message. A name counts as more than it has by `NAME_COST`, and one that
 * is equal to none before by `NEW_NAME_COST`: what it takes to remember it. The addresses of 600 servers stay below it,
 * all of whose names are written out, and so do 2,900 addresses of one name that is; the longest names, put together of
 * pointers, do not, nor do thousands of names for one question.
 */
const MOST_READ = 98_304;
const NAME_COST = 28;
const NEW_NAME_COST = 76;

/** What a malformed name counts as, in bytes. */
const MALFORMED_COST = 255;

/** What a pointer counts as that is followed, and more than it has a name that is written out once more, in bytes. */
const POINTER_COST = 10;

interface KnownName {
  /** In the form of {@link readName}; `undefined` if it is malformed. */
  readonly text: string | undefined;
  readonly pointers: number;
  /** The same number for equal names of a message, counted from 0; -1 for malformed ones. */
  readonly id: number;
}

const MALFORMED: KnownName = { text: undefined, pointers: 0, id: -1 };

/**
 * Reads the names of one message as {@link readName} does, each of them once, the end that it shares with another one
 * included, and only so many that the cost stays linear in the message's length: every name counts as malformed from
 * there on. The names must not change meanwhile.
 */
export class MessageNames {
  private readonly known = new Map<number, KnownName>();
  private readonly ids = new Map<string, number>();
  private left = MOST_READ;
  private root: KnownName | undefined;
  /** The name that was read last without a pointer, and where it begins and ends. */
  private whole: KnownName | undefined;
  private wholeStart = 0;
  private wholeEnd = 0;

  constructor(private readonly message: Uint8Array) {}

  /** Whether names were asked for that would have taken too much to read. */
  get isExhausted(): boolean {
    return this.left < 0;
  }

  /** The name at an offset, in the form of {@link readName}; `undefined` if it is malformed. */
  at(offset: number): string | undefined {
    return this.read(this.startOf(offset), 0).text;
  }

  /** A number for the name at an offset, the same for equal names and from 0 up; -1 if it is malformed. */
  idAt(offset: number): number {
    return this.read(this.startOf(offset), 0).id;
  }

  /** The end of the name at an offset; `undefined` if it is malformed, also where its pointers lead. */
  endAt(offset: number): number | undefined {
    const pointerAt = this.endOfLabels(offset);
    if (this.message[pointerAt] === 0) return pointerAt - offset < LONGEST_NAME ? pointerAt + 1 : undefined;
    this.left -= POINTER_COST;
    return this.joined(offset, pointerAt, 0) === undefined ? undefined : pointerAt + 2;
  }

  /** Nearly every owner is a single pointer to a name that others point to, too. */
  private startOf(offset: number): number {
    const { message } = this;
    if ((message[offset] ?? 0) < 0xc0 || offset + 1 >= message.length) return offset;
    const target = readUint16(message, offset) & 0x3fff;
    return target >= HEADER_LENGTH && target < offset && (message[target] ?? 0xff) < 0xc0 ? target : offset;
  }

  private named(text: string, pointers: number): KnownName {
    let id = this.ids.get(text);
    this.left -= text.length + (id === undefined ? NEW_NAME_COST : NAME_COST);
    if (id === undefined) this.ids.set(text, (id = this.ids.size));
    return { text, pointers, id };
  }

  /** @param depth the number of pointers that led there */
  private read(start: number, depth: number): KnownName {
    if (this.message[start] === 0) return (this.root ??= this.named('\0', 0));
    const known = this.known.get(start);
    if (known !== undefined) return known;
    if (this.left < 0) return MALFORMED;
    const name = this.readAnew(start, depth);
    this.known.set(start, name);
    return name;
  }

  private readAnew(start: number, depth: number): KnownName {
    const end = this.endOfLabels(start);
    const length = end - start;
    if (this.message[end] === 0 && length < LONGEST_NAME) {
      if (this.isWhole(start, end)) {
        this.left -= POINTER_COST + length;
        return this.whole as KnownName;
      }
      this.wholeStart = start;
      this.wholeEnd = end;
      return (this.whole = this.named(this.textOf(start, end + 1), 0));
    }
    const rest = this.joined(start, end, depth);
    if (rest === undefined) {
      this.left -= MALFORMED_COST;
      return MALFORMED;
    }
    const { text, pointers, id } = rest;
    if (length === 0) {
      this.left -= POINTER_COST;
      return { text, pointers: pointers + 1, id };
    }
    return this.named(this.textOf(start, end) + (text as string), pointers + 1);
  }

  /**
   * The name to which the pointer behind some labels leads; `undefined` if it is malformed, or the whole is. A name too
   * many pointers deep counts as malformed from then on, also for those who reach it by fewer: its message is malformed.
   */
  private joined(start: number, pointerAt: number, depth: number): KnownName | undefined {
    const { message } = this;
    if ((message[pointerAt] ?? 0) < 0xc0 || pointerAt + 1 >= message.length || depth >= MOST_POINTERS) return undefined;
    const target = readUint16(message, pointerAt) & 0x3fff;
    if (target < HEADER_LENGTH || target >= start) return undefined;
    const rest = this.read(target, depth + 1);
    const length = pointerAt - start + (rest.text ?? '').length;
    return rest.text === undefined || rest.pointers >= MOST_POINTERS || length > LONGEST_NAME ? undefined : rest;
  }

  /** The offset of the first byte that begins no label, of a pointer, the root or anything else. */
  private endOfLabels(start: number): number {
    const { message } = this;
    let position = start;
    for (let size = message[position] ?? 0; size > 0 && size <= 63; size = message[position] ?? 0xff) {
      position += size + 1;
      if (position - start > LONGEST_NAME) break;
    }
    return position;
  }

  /** Whether the same bytes are between two offsets as in `whole`: servers that do not compress write a name again and again. */
  private isWhole(start: number, end: number): boolean {
    const { message, wholeStart } = this;
    if (this.whole === undefined || end - start !== this.wholeEnd - wholeStart) return false;
    for (let at = start; at < end; at++) if (message[at] !== message[wholeStart + at - start]) return false;
    return true;
  }

  private textOf(start: number, end: number): string {
    const { message } = this;
    for (let at = start; at < end; at++) copied[at - start] = message[at] as number;
    return foldedCopy(end - start);
  }
}

/** The parent of a name in the form of {@link readName}; `undefined` for the root. */
export function withoutFirstLabel(name: string): string | undefined {
  return name.length <= 1 ? undefined : name.slice(name.charCodeAt(0) + 1);
}

/** Whether a name, in the form of `readName`, is a zone's apex or lies below it. */
export function isWithin(name: string, zone: string): boolean {
  for (let position = 0; name.length - position >= zone.length; position += name.charCodeAt(position) + 1) {
    if (name.length - position === zone.length) return name.endsWith(zone);
  }
  return false;
}

/**
 * The end of the name at an offset of a message, compressed or not; `undefined` if it is malformed. A pointer must go
 * back, and is not followed.
 */
export function skipName(message: Uint8Array, offset: number): number | undefined {
  for (let position = offset; ;) {
    const length = message[position];
    if (length === undefined) return undefined;
    if (length === 0) return position + 1;
    if (length >= 0xc0) {
      if (position + 2 > message.length) return undefined;
      return (readUint16(message, position) & 0x3fff) < position ? position + 2 : undefined;
    }
    if (length > 63) return undefined;
    position += length + 1;
    if (position - offset > 254) return undefined;
  }
}
