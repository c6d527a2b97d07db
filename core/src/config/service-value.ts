import { isIPv4, isIPv6 } from 'node:net';
import { readIpv6 } from '../net/ipv6-address.js';
import { serviceKey, serviceKeyText } from './service-key.js';

const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/**
 * The wire form of a parameter's value (RFC 9460, 7 and 8), from the bytes that stood behind its `=`; `undefined` where
 * there was none.
 * @throws RangeError that says what was expected
 */
export function serviceValue(key: number, given: Uint8Array | undefined): Uint8Array {
  const name = serviceKeyText(key);
  if (name === 'no-default-alpn') {
    if (given !== undefined) throw new RangeError(`${name} takes no value`);
    return new Uint8Array();
  }
  // Of what has no name here nobody knows whether it needs a value.
  if (name.startsWith('key')) return given ?? new Uint8Array();
  if (given === undefined || given.length === 0)
    throw new RangeError(`${name} needs a value, such as ${EXAMPLES[name] ?? ''}`);
  const text = Buffer.from(given).toString('latin1');
  switch (name) {
    case 'mandatory':
      return mandatory(text.split(','));
    case 'alpn':
      return Buffer.concat(listOf(given).map(protocolId));
    case 'port':
      return uint16(port(text));
    case 'ipv4hint':
      return Buffer.concat(text.split(',').map(ipv4));
    case 'ipv6hint':
      return Buffer.concat(text.split(',').map(ipv6));
    default:
      return base64(text);
  }
}

const EXAMPLES: Readonly<Record<string, string>> = {
  mandatory: 'mandatory=alpn',
  alpn: 'alpn=h2,h3',
  port: 'port=8443',
  ipv4hint: 'ipv4hint=192.0.2.1',
  ipv6hint: 'ipv6hint=2001:db8::1',
  ech: 'ech=BASE64',
};

/** A number of two bytes, the higher one first. */
export function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function mandatory(names: readonly string[]): Uint8Array {
  const keys = names.map(serviceKey);
  if (keys.includes(0)) throw new RangeError('mandatory does not list itself');
  if (new Set(keys).size < keys.length) throw new RangeError('mandatory lists each parameter once');
  return Buffer.concat(keys.sort((one, other) => one - other).map(uint16));
}

function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= 65_535) return number;
  throw new RangeError(`'${text}' is no port: a number up to 65535`);
}

function ipv4(text: string): Uint8Array {
  if (!isIPv4(text)) throw new RangeError(`'${text}' is no IPv4 address`);
  return Uint8Array.from(text.split('.'), Number);
}

function ipv6(text: string): Uint8Array {
  if (!isIPv6(text) || text.includes('%')) throw new RangeError(`'${text}' is no IPv6 address`);
  return Uint8Array.from(readIpv6(text).toByteArray());
}

function base64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new RangeError('ech is written in base64');
  return bytes;
}

function protocolId(id: Uint8Array): Uint8Array {
  if (id.length === 0 || id.length > 255) throw new RangeError('each protocol of alpn has 1 to 255 bytes');
  return Uint8Array.of(id.length, ...id);
}

/** Parts between commas, of which one is written `\,` within a part, and a backslash `\\` (RFC 9460, A.1). */
function listOf(bytes: Uint8Array): readonly Uint8Array[] {
  const parts: number[][] = [[]];
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte === COMMA) {
      parts.push([]);
      continue;
    }
    if (byte === BACKSLASH) index += 1;
    const [next] = bytes.subarray(index, index + 1);
    if (next === undefined || (byte === BACKSLASH && next !== COMMA && next !== BACKSLASH)) {
      throw new RangeError('in a list, only a comma and a backslash stand behind a backslash');
    }
    parts.at(-1)?.push(next);
  }
  return parts.map((part) => Uint8Array.from(part));
}
