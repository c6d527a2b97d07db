import { HEADER_LENGTH } from './header.js';
import { COOKIE_OPTION, COOKIE_OPTION_LENGTH, isCookieLength, OPT_LENGTH, UDP_PAYLOAD_SIZE } from './opt-record.js';
import { RecordType } from './dns-parameters.js';

/** A payload size below this one counts as this one (RFC 6891, 6.2.3), in bytes. */
export const SMALLEST_PAYLOAD_SIZE = 512;

const LONGEST_NAME = 255;

/** The longest key, in bytes: a question and a byte of flags. */
const LONGEST_KEY = LONGEST_NAME + 4 + 1;

/** A header, and the question for the root. */
const SHORTEST_QUERY = HEADER_LENGTH + 5;
const OPTION_HEAD_LENGTH = 4;
const DNSSEC_OK = 0x80;

/**
 * A plain query, read from its bytes in one walk and without any allocation: all that admission and the packet cache need
 * of it, in any thread. One instance serves for any number of queries, one after the other.
 *
 * The key is the question with its letters in lower case, and a byte with RD, AD, CD and DO: whatever else a query holds
 * makes no difference to what it is answered, other than how long that may be and which cookie goes with it, or makes it
 * no plain one.
 */
export class QueryView {
  /** The key, in words, filled up with zeros. */
  readonly key = new Int32Array(LONGEST_KEY / 4);
  /** In bytes. */
  keyLength = 0;
  hash = 0;
  /** The length of the question, in bytes. */
  questionLength = 0;
  edns = false;
  dnssecOk = false;
  /** What the client takes over UDP, in bytes. */
  payloadSize = SMALLEST_PAYLOAD_SIZE;
  /** How long the answer may be over UDP, in bytes: never above what we give. */
  udpLimit = SMALLEST_PAYLOAD_SIZE;
  /** What the COOKIE option takes in the answer, in bytes; 0 where the query has none. */
  cookieOptionLength = 0;
  /** Where the data of the COOKIE option lies, and its length, where there is one. */
  cookieAt = 0;
  cookieLength = 0;
  private readonly bytes = new Uint8Array(this.key.buffer);

  /** @param seed what hashes begin with */
  constructor(private readonly seed: number) {}

  /**
   * Whether these are the bytes of a plain query: one question, and besides at most an OPT record of version 0 whose only
   * option, if any, is a well-formed COOKIE. `false` means no more than that the parser has to read it.
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

  /** Takes over the question, and says where it ends; 0 where it is malformed. */
  private readQuestion(message: Uint8Array, length: number): number {
    const { bytes } = this;
    let hash = this.seed;
    let position = HEADER_LENGTH;
    for (let size = 1; size !== 0;) {
      size = byteAt(message, position);
      const end = position + size + 1;
      // Behind the last label there are type and class yet to come.
      if (size > 63 || end + 4 > length || end - HEADER_LENGTH > LONGEST_NAME) return 0;
      for (; position < end; position++) {
        let byte = byteAt(message, position);
        // A length is never a letter.
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

  /** Takes over what the OPT record says, if there is one. Nothing may stand behind it. */
  private readOpt(message: Uint8Array, start: number, length: number): boolean {
    this.edns = byteAt(message, 11) === 1;
    this.dnssecOk = false;
    this.udpLimit = SMALLEST_PAYLOAD_SIZE;
    this.cookieOptionLength = 0;
    if (!this.edns) return start === length;
    // No other option is read here: one more that is to be answered from here has to be found beside the cookie.
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

  /** Takes over a COOKIE option that is all there is from `start` on. */
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

/** The caller has made sure that it lies within the message. */
function byteAt(message: Uint8Array, offset: number): number {
  return message[offset] as number;
}

function uint16At(message: Uint8Array, offset: number): number {
  return (byteAt(message, offset) << 8) | byteAt(message, offset + 1);
}
