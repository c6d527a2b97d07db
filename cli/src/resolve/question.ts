import { randomInt } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';
import { UsageError } from '../usage-error.js';
import { recordTypeNumber } from './record-type.js';

/** A DNS question. */
export interface Question {
  /** The name without a trailing dot; the root is the empty string. */
  readonly name: string;
  readonly type: number;
}

/** An encoded query. */
export interface QuestionMessage {
  readonly id: number;
  readonly bytes: Uint8Array;
}

const RECURSION_DESIRED = 0x0100;
const CLASS_IN = 1;
const OPT = 41;
/** The UDP payload size in bytes that avoids IP fragmentation (RFC 9715, 3). */
const PAYLOAD_SIZE = 1_232;

/**
 * Parses a name and a type as people write them: `Hello.Test.`, `bücher.example`, `hello.test AAAA`. An address alone,
 * or with the type PTR, becomes its reverse name.
 * @throws UsageError
 */
export function readQuestion(name: string, type?: string): Question {
  const isReverse = isIP(name) !== 0 && (type === undefined || type.toUpperCase() === 'PTR');
  const number = recordTypeNumber(type ?? (isReverse ? 'PTR' : 'A'));
  if (number === undefined) {
    throw new UsageError(
      `'${type ?? ''}' is no record type. A, AAAA, TXT, HTTPS or TYPE65, for example, expected.`,
      'resolve',
    );
  }
  const given = isReverse ? reverseName(name) : name.replace(/\.$/, '');
  const ascii = /[^\0-\x7f]/.test(given) ? domainToASCII(given) : given;
  const labels = ascii === '' ? [] : ascii.split('.');
  const isTooLong = ascii.length > 253 || labels.some(({ length }) => length > 63);
  if (isTooLong || labels.includes('') || (ascii === '' && name !== '.')) {
    throw new UsageError(`'${name}' is no DNS name. Labels of 1 to 63 bytes, 253 in all, expected.`, 'resolve');
  }
  return { name: ascii, type: number };
}

/** Encodes a query with an unpredictable id, EDNS(0) and RD set (RFC 1035, 4.1; RFC 6891, 6.1). */
export function encodeQuestion({ name, type }: Question): QuestionMessage {
  const id = randomInt(0x1_0000);
  const labels = name === '' ? [] : name.split('.').map((label) => Buffer.from(label, 'latin1'));
  const bytes = Buffer.concat([
    numbers(id, RECURSION_DESIRED, 1, 0, 0, 1),
    ...labels.flatMap((label) => [Buffer.of(label.length), label]),
    Buffer.of(0),
    numbers(type, CLASS_IN),
    Buffer.of(0),
    numbers(OPT, PAYLOAD_SIZE, 0, 0, 0),
  ]);
  return { id, bytes };
}

function numbers(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => buffer.writeUInt16BE(value, index * 2));
  return buffer;
}

/** The reverse name of an address (RFC 1035, 3.5; RFC 3596, 2.5). */
function reverseName(address: string): string {
  if (isIPv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  // The URL parser converts every form of an IPv6 address to that of RFC 5952.
  const { hostname } = new URL(`http://[${address.replace(/%.*/, '')}]`);
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  const digits = [...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join('');
  return `${digits.split('').reverse().join('.')}.ip6.arpa`;
}
