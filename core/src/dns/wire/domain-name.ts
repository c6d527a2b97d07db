/** The longest label and the longest name in wire form, in bytes (RFC 1035, 2.3.4). */
const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;

const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** A character, or an escape: `\.` or `\DDD`. */
const CHARACTER = /\\[0-9]{3}|\\[^0-9]|[^]/g;

const PLAIN_NAME = /^[a-z0-9_*-]{1,63}(\.[a-z0-9_*-]{1,63})*$/;

/**
 * The wire form of a name in presentation form (RFC 1035, 5.1: `\.` and `\DDD` are understood, a trailing dot is
 * allowed), uncompressed, with the root's zero byte at its end, in the given case.
 *
 * @throws RangeError for an empty or too long label, a name that is too long, or a character that must be escaped
 */
export function encodeName(name: string): Uint8Array {
  // Nearly every name is plain, and the general path is many times slower.
  if (name.length < LONGEST_NAME - 1 && PLAIN_NAME.test(name)) return encodePlainName(name);
  const bytes = [0];
  let lengthAt = 0;
  const endLabel = (): void => {
    const length = bytes.length - lengthAt - 1;
    if (length === 0) throw new RangeError(`'${name}' has an empty label`);
    if (length > LONGEST_LABEL) throw new RangeError(`'${name}' has a label of more than ${LONGEST_LABEL} bytes`);
    bytes[lengthAt] = length;
    lengthAt = bytes.length;
    bytes.push(0);
  };
  for (const [character] of name === '.' ? [] : name.matchAll(CHARACTER)) {
    if (character === '.') endLabel();
    else bytes.push(byteOf(character, name));
  }
  if (bytes.length > lengthAt + 1) endLabel();
  if (bytes.length > LONGEST_NAME) throw new RangeError(`'${name}' is longer than ${LONGEST_NAME} bytes`);
  return Uint8Array.from(bytes);
}

function encodePlainName(name: string): Uint8Array {
  const bytes = new Uint8Array(name.length + 2);
  let lengthAt = 0;
  for (let index = 0; index <= name.length; index++) {
    const code = index === name.length ? DOT : name.charCodeAt(index);
    bytes[index + 1] = code;
    if (code !== DOT) continue;
    bytes[lengthAt] = index - lengthAt;
    lengthAt = index + 1;
  }
  bytes[lengthAt] = 0;
  return bytes;
}

/**
 * Reads the uncompressed name at an offset: in lower case, presentation form, no trailing dot, and the offset of its
 * end. `undefined` for anything else, a compression pointer included.
 */
export function decodeName(message: Uint8Array, offset: number): { name: string; end: number } | undefined {
  return decodePlainName(message, offset) ?? decodeAnyName(message, offset);
}

const scratch = Buffer.allocUnsafe(LONGEST_NAME);

/** The fast path: nearly every name has no escaped character, and building it from single characters is slow. */
function decodePlainName(message: Uint8Array, offset: number): { name: string; end: number } | undefined {
  let position = offset;
  let length = 0;
  for (;;) {
    const size = message[position] as number;
    position += 1;
    if (size === 0) return { name: scratch.toString('latin1', 0, length), end: position };
    const end = position + size;
    // This also stops at a pointer, and at the end of a cut message, where bytes are undefined.
    if (!(size <= LONGEST_LABEL && end < message.length && end + 1 - offset <= LONGEST_NAME)) return undefined;
    if (length > 0) scratch[length++] = DOT;
    for (; position < end; position++) {
      const byte = message[position] as number;
      if (byte <= 0x20 || byte >= 0x7f || byte === DOT || byte === BACKSLASH) return undefined;
      scratch[length++] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    }
  }
}

function decodeAnyName(message: Uint8Array, offset: number): { name: string; end: number } | undefined {
  let name = '';
  let position = offset;
  for (;;) {
    const length = message[position];
    if (length === undefined || length > LONGEST_LABEL) return undefined;
    position += 1;
    if (length === 0) return { name, end: position };
    const end = position + length;
    if (end >= message.length || end + 1 - offset > LONGEST_NAME) return undefined;
    if (name !== '') name += '.';
    for (; position < end; position++) name += presentationOf(message[position] as number);
  }
}

/**
 * The canonical form for comparing names, as {@link decodeName} returns it. @throws RangeError as {@link encodeName}
 */
export function canonicalName(name: string): string {
  if (name.length < LONGEST_NAME - 1 && PLAIN_NAME.test(name)) return name;
  return (decodeName(encodeName(name), 0) as { name: string }).name;
}

/** The name without its first label, in presentation form; `undefined` for the root. */
export function parentName(name: string): string | undefined {
  if (name === '') return undefined;
  if (!name.includes('\\')) return name.includes('.') ? name.slice(name.indexOf('.') + 1) : '';
  for (let index = 0; index < name.length; index++) {
    if (name[index] === '\\') index += 1;
    else if (name[index] === '.') return name.slice(index + 1);
  }
  return '';
}

/** Whether a name in presentation form is one of these domains, or lies below one. */
export function isBelowOneOf(name: string, domains: ReadonlySet<string>): boolean {
  if (domains.size === 0) return false;
  let domain: string | undefined = name;
  while (domain !== undefined && !domains.has(domain)) domain = parentName(domain);
  return domain !== undefined;
}

function byteOf(character: string, name: string): number {
  const escaped = character.startsWith('\\');
  const byte = character.length === 4 ? Number(character.slice(1)) : character.charCodeAt(escaped ? 1 : 0);
  if (byte <= (character.length === 4 ? 0xff : 0x7f)) return byte;
  throw new RangeError(`'${name}' holds '${character}', which no name can: write other bytes as \\DDD`);
}

function presentationOf(byte: number): string {
  if (byte >= 0x41 && byte <= 0x5a) return String.fromCharCode(byte + 0x20);
  if (byte === DOT || byte === BACKSLASH) return `\\${String.fromCharCode(byte)}`;
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return `\\${byte.toString().padStart(3, '0')}`;
}
