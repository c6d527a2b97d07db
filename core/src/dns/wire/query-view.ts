import { HEADER_LENGTH } from './header.js';
import { COOKIE_OPTION, COOKIE_OPTION_LENGTH, isCookieLength, OPT_LENGTH, UDP_PAYLOAD_SIZE } from './opt-record.js';
import { RecordType } from './dns-parameters.js';

/** Smaller payload sizes count as this one (RFC 6891, 6.2.3), in bytes. */
export const SMALLEST_PAYLOAD_SIZE = 512;

const LONGEST_NAME = 255;

/** The longest key, in bytes: a question and a byte of flags. */
const LONGEST_KEY = LONGEST_NAME + 4 + 1;

/** The length of a header and a question for the root, in bytes. */
const SHORTEST_QUERY = HEADER_LENGTH + 5;
const OPTION_HEAD_LENGTH = 4;
const DNSSEC_OK = 0x80;

/**
 * A plain query, read from its bytes in one pass and without allocation: all that admission and the packet cache need
 * of it, in any thread. One instance serves any number of queries, one after the other.
 *
 * The key is the question in lower case, and a byte with RD, AD, CD and DO. Everything else in a query changes nothing
 * in its answer but the size limit and the cookie, or makes the query not plain.
 */
export class QueryView {
  /** The key, in words, padded with zeros. */
  readonly key = new Int32Array(LONGEST_KEY / 4);
  /** The length of the key, in bytes. */
  keyLength = 0;
  hash = 0;
  /** The length of the question, in bytes. */
  questionLength = 0;
  edns = false;
  dnssecOk = false;
  /** The client's UDP payload size, in bytes. */
  payloadSize = SMALLEST_PAYLOAD_SIZE;
  /** The size limit of the answer over UDP, in bytes: never above our own. */
  udpLimit = SMALLEST_PAYLOAD_SIZE;
  /** The length of the COOKIE option in the answer, in bytes; 0 where the query has none. */
  cookieOptionLength = 0;
  /** The offset and the length of the COOKIE option's data, in bytes, where there is one. */
  cookieAt = 0;
  cookieLength = 0;
  private readonly bytes = new Uint8Array(this.key.buffer);

  /** @param seed the initial value of hashes */
  constructor(private readonly seed: number) {}

  /**
   * Whether these are the bytes of a plain query: one question, and at most an OPT record of version 0 whose only
   * option, if any, is a well-formed COOKIE. `false` only means that the parser has to read it.
   */
  read(message: Uint8Array, length: number): boolean {
    if (length < SHORTEST_QUERY || !isPlainHeader(message)) return false;
    const questionEnd = this.readQuestion(message, length);
    if (questionEnd === 0 || !this.readOpt(message, questionEnd, length)) return false;
    const flags = (byteAt(message, 2) & 0x01) | (byteAt(message, 3) & 0x30) | (this.dnssecOk ? DNSSEC_OK : 0);
    this.questionLength = questionEnd - HEADER_LENGTH;
    this.keyLength = this.questionLength + 1;
    this.bytes[this.questionLength] = flags;
    for (let index = this.keyLength; (index & 3) !== 0; index++) this.bytes[index] = 0;
    const hash = Math.imul(this.hash ^ flags, 0x01000193);
    this.hash = hash ^ (hash >>> 15);
    return true;
  }

  /** Copies the question, and returns its end; 0 where it is malformed. */
  private readQuestion(message: Uint8Array, length: number): number {
    const { bytes } = this;
    let hash = this.seed;
    let position = HEADER_LENGTH;
    for (let size = 1; size !== 0;) {
      size = byteAt(message, position);
      const end = position + size + 1;
      // Type and class follow the last label.
      if (size > 63 || end + 4 > length || end - HEADER_LENGTH > LONGEST_NAME) return 0;
      for (; position < end; position++) {
        let byte = byteAt(message, position);
        // A length byte is never an upper-case letter.
        if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
        bytes[position - HEADER_LENGTH] = byte;
        hash = Math.imul(hash ^ byte, 0x01000193);
      }
    }
    for (const end = position + 4; position < end; position++) {
      const byte = byteAt(message, position);
      bytes[position - HEADER_LENGTH] = byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    this.hash = hash;
    return position;
  }

  /** Reads the OPT record, if there is one. Nothing may follow it. */
  private readOpt(message: Uint8Array, start: number, length: number): boolean {
    this.edns = byteAt(message, 11) === 1;
    this.dnssecOk = false;
    this.udpLimit = SMALLEST_PAYLOAD_SIZE;
    this.cookieOptionLength = 0;
    if (!this.edns) return start === length;
    // No other option is read here: to support another one, it must be found beside the cookie.
    if (start + OPT_LENGTH > length || start + OPT_LENGTH + uint16At(message, start + 9) !== length) return false;
    if (start + OPT_LENGTH !== length && !this.readCookie(message, start + OPT_LENGTH, length)) return false;
    const ownedByRoot = byteAt(message, start) === 0;
    if (!ownedByRoot || uint16At(message, start + 1) !== RecordType.OPT || byteAt(message, start + 6) !== 0)
      return false;
    this.payloadSize = Math.max(uint16At(message, start + 3), SMALLEST_PAYLOAD_SIZE);
    this.udpLimit = Math.min(this.payloadSize, UDP_PAYLOAD_SIZE);
    this.dnssecOk = (byteAt(message, start + 7) & DNSSEC_OK) !== 0;
    return true;
  }

  /** Reads a COOKIE option that takes everything from `start` on. */
  private readCookie(message: Uint8Array, start: number, length: number): boolean {
    const cookieAt = start + OPTION_HEAD_LENGTH;
    if (cookieAt > length || uint16At(message, start) !== COOKIE_OPTION) return false;
    const cookieLength = uint16At(message, start + 2);
    if (cookieAt + cookieLength !== length || !isCookieLength(cookieLength)) return false;
    this.cookieAt = cookieAt;
    this.cookieLength = cookieLength;
    this.cookieOptionLength = COOKIE_OPTION_LENGTH;
    return true;
  }
}

/** A query of opcode 0 with one question, no answers or authorities, and at most one additional record. */
function isPlainHeader(message: Uint8Array): boolean {
  return (
    (byteAt(message, 2) & 0xf8) === 0 &&
    uint16At(message, 4) === 1 &&
    uint16At(message, 6) === 0 &&
    uint16At(message, 8) === 0 &&
    uint16At(message, 10) <= 1
  );
}

/** The caller makes sure that it lies within the message. */
function byteAt(message: Uint8Array, offset: number): number {
  return message[offset] as number;
}

function uint16At(message: Uint8Array, offset: number): number {
  return (byteAt(message, offset) << 8) | byteAt(message, offset + 1);
}
