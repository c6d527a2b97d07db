import { z } from 'zod';
import { ipv4Bytes, ipv6Bytes } from '../net/address-bytes.js';
import { parseDnsName } from '../net/dns-name.js';

/** The maximum length of a record's data in bytes (RFC 1035, 4.1.3). */
const LONGEST_DATA = 65_535;

/** One parameter: its key, and after `=` its value, which may be quoted (RFC 9460, 2.1). */
const PARAMETER = /\s+([^\s="]+)(?:=(?:"((?:[^"\\]|\\[^])*)"|((?:[^\s"\\]|\\[^])*)))?(?=\s|$)/y;

/**
 * Parses the presentation form of an SVCB or HTTPS record (RFC 9460, 2.2) into its data: priority, target, and in any
 * order `alpn`, `no-default-alpn`, `port`, `ipv4hint`, `ipv6hint`, `ech`, `mandatory` and `keyNNNNN`.
 *
 * @throws RangeError that describes the mistake
 */
export function parseServiceBinding(text: string): Uint8Array {
  const [start, priorityText = '', target] = /^\s*(\S+)(?:\s+(\S+))?/.exec(text) ?? [''];
  const priority = /^\d{1,5}$/.test(priorityText) ? Number(priorityText) : Number.NaN;
  if (!(priority <= 65_535)) throw new RangeError(`'${priorityText}' is no priority: a number up to 65535 comes first`);
  if (target === undefined) throw new RangeError("a target follows the priority: a name, or '.' for the name itself");
  const parameters = parseParameters(text, start.length);
  if (priority === 0 && parameters.size > 0) {
    throw new RangeError('an alias (priority 0) has a target and no parameters');
  }
  checkTogether(parameters);
  const sorted = [...parameters].sort(([one], [other]) => one - other);
  const data = Buffer.concat([
    uint16(priority),
    targetBytes(target),
    ...sorted.flatMap(([key, value]) => [uint16(key), uint16(value.length), value]),
  ]);
  if (data.length > LONGEST_DATA) throw new RangeError(`${data.length} bytes are more than a record can hold`);
  return Uint8Array.from(data);
}

/** A unikernel's key `https` or `svcb`: one record or a list, or true for `1 .`. Parsed to the records' data. */
export function serviceBindings(description: string) {
  const text = z.string({ error: EXPECTED });
  return z
    .union([text, z.array(text).min(1, EXPECTED), z.literal(true)], { error: EXPECTED })
    .transform((given, context): readonly Uint8Array[] => {
      const list = Array.isArray(given) ? given : [given];
      const records = new Map<string, Uint8Array>();
      const refuse = (index: number, error: unknown): void => {
        const path = Array.isArray(given) ? [index] : [];
        const message = `${(error as Error).message}. ${EXPECTED}`;
        context.addIssue({ code: 'custom', message, path, input: list[index] });
      };
      for (const [index, record] of list.entries()) {
        try {
          // In `key=value` words, true is text.
          const data = parseServiceBinding(record === true || record === 'true' ? '1 .' : record);
          records.set(Buffer.from(data).toString('latin1'), data);
        } catch (error) {
          refuse(index, error);
        }
      }
      const aliases = [...records.values()].filter(([high, low]) => high === 0 && low === 0);
      // RFC 9460, 2.4.1 and 2.4.2: clients ignore all records beside an alias, and pick one of several aliases.
      if (aliases.length > 0 && records.size > 1) refuse(0, new RangeError('an alias (priority 0) stands alone'));
      return [...records.values()];
    })
    .describe(description);
}

function parseParameters(text: string, from: number): Map<number, Uint8Array> {
  const parameters = new Map<number, Uint8Array>();
  const end = text.trimEnd().length;
  PARAMETER.lastIndex = from;
  for (let at = from; at < end; at = PARAMETER.lastIndex) {
    const [, name = '', quoted, plain] = PARAMETER.exec(text) ?? [];
    if (name === '') throw new RangeError(`'${text.slice(at).trim()}' is no parameter such as port=8443`);
    const key = serviceKey(name);
    if (parameters.has(key)) throw new RangeError(`${name} is there twice`);
    const value = quoted ?? plain;
    parameters.set(key, serviceValue(key, value === undefined ? undefined : unescaped(value)));
  }
  return parameters;
}

/** Checks the rules between parameters (RFC 9460, 2.4.3, 7.1.1 and 8). */
function checkTogether(parameters: ReadonlyMap<number, Uint8Array>): void {
  const [mandatory, alpn, noDefaultAlpn] = [0, 1, 2];
  if (parameters.has(noDefaultAlpn) && !parameters.has(alpn))
    throw new RangeError('no-default-alpn needs alpn beside it');
  const listed = Buffer.from(parameters.get(mandatory) ?? []);
  for (let offset = 0; offset < listed.length; offset += 2) {
    const key = listed.readUInt16BE(offset);
    if (!parameters.has(key)) throw new RangeError(`mandatory lists ${serviceKeyText(key)}, which is not there`);
  }
}

function targetBytes(target: string): Uint8Array {
  if (target === '.') return Uint8Array.of(0);
  const name = parseDnsName(target);
  if (name === undefined || name.startsWith('*')) throw new RangeError(`'${target}' is no target: a name, or '.'`);
  return Buffer.concat([
    ...name.split('.').flatMap((label) => [Uint8Array.of(label.length), Buffer.from(label)]),
    Uint8Array.of(0),
  ]);
}

/** Decodes the escapes `\DDD` and `\c` (RFC 1035, 5.1). */
function unescaped(text: string): Uint8Array {
  const characters = [...text.matchAll(/\\(\d{3})|\\?([^])/g)];
  return Uint8Array.from(characters, ([written, decimal, character = '']) => {
    const byte = decimal === undefined ? character.charCodeAt(0) : Number(decimal);
    if (byte <= (decimal === undefined ? 0x7f : 0xff)) return byte;
    throw new RangeError(`'${written}' stands for no byte: write other bytes as \\DDD`);
  });
}

/** A registered parameter. */
interface Parameter {
  readonly name: string;
  /** A value, for messages. */
  readonly example: string;
  /** The wire form of a value that is not empty (RFC 9460, 7 and 8). @throws RangeError that says what was expected */
  readonly wireOf: (value: string) => Uint8Array;
}

/** The parameters by the numbers of their keys (RFC 9460, 14.3.2). */
const PARAMETERS: readonly Parameter[] = [
  { name: 'mandatory', example: 'alpn', wireOf: (names) => mandatory(names.split(',')) },
  { name: 'alpn', example: 'h2,h3', wireOf: (list) => Buffer.concat(listOf(list).map(protocolId)) },
  { name: 'no-default-alpn', example: '', wireOf: () => new Uint8Array() },
  { name: 'port', example: '8443', wireOf: (text) => uint16(port(text)) },
  { name: 'ipv4hint', example: '192.0.2.1', wireOf: (list) => Buffer.concat(list.split(',').map(ipv4Bytes)) },
  { name: 'ech', example: 'BASE64', wireOf: base64 },
  { name: 'ipv6hint', example: '2001:db8::1', wireOf: (list) => Buffer.concat(list.split(',').map(ipv6)) },
];

const NAMES = PARAMETERS.map(({ name }) => name);

/** The number 65535 is reserved as an invalid key (RFC 9460, 14.3.2). */
const INVALID = 65_535;

/** The number of a key by its name, or of `key667` for a key without a name. @throws RangeError */
function serviceKey(text: string): number {
  const registered = NAMES.indexOf(text);
  if (registered >= 0) return registered;
  const [, digits] = /^key(0|[1-9]\d{0,4})$/.exec(text) ?? [];
  const key = Number(digits);
  if (digits === undefined || key >= INVALID) {
    throw new RangeError(`'${text}' is no parameter: ${NAMES.join(', ')}, or keyNNNNN with a number below ${INVALID}`);
  }
  const name = NAMES[key];
  if (name !== undefined) throw new RangeError(`'${text}' has a name: write ${name}`);
  return key;
}

/** The text of a key in the form that {@link serviceKey} parses. */
function serviceKeyText(key: number): string {
  return NAMES[key] ?? `key${key}`;
}

/**
 * The wire form of a parameter's value.
 * @param given the decoded bytes after `=`; `undefined` if there is no value
 * @throws RangeError that says what was expected
 */
function serviceValue(key: number, given: Uint8Array | undefined): Uint8Array {
  const { name, example, wireOf } = PARAMETERS[key] ?? {};
  // An unregistered key may or may not need a value.
  if (wireOf === undefined) return given ?? new Uint8Array();
  if (example === '' && given !== undefined) throw new RangeError(`${name} takes no value`);
  if (example !== '' && !given?.length) throw new RangeError(`${name} needs a value, such as ${name}=${example}`);
  return wireOf(Buffer.from(given ?? []).toString('latin1'));
}

/** A 16-bit number in network byte order. */
function uint16(value: number): Uint8Array {
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

function ipv6(text: string): Uint8Array {
  if (text.includes('%')) throw new RangeError(`'${text}' is no IPv6 address`);
  return ipv6Bytes(text);
}

function base64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new RangeError('ech is written in base64');
  return bytes;
}

function protocolId(id: string): Uint8Array {
  if (id.length === 0 || id.length > 255) throw new RangeError('each protocol of alpn has 1 to 255 bytes');
  return Uint8Array.of(id.length, ...Buffer.from(id, 'latin1'));
}

/** Splits at commas; within a part, a comma is written `\,` and a backslash `\\` (RFC 9460, A.1). */
function listOf(text: string): readonly string[] {
  if (!/^(?:[^\\]|\\[,\\])*$/.test(text)) {
    throw new RangeError('in a list, only a comma and a backslash stand behind a backslash');
  }
  const parts = `,${text}`.matchAll(/,((?:[^,\\]|\\[,\\])*)/g);
  return Array.from(parts, ([, part = '']) => part.replaceAll(/\\(.)/g, '$1'));
}

const EXPECTED = "A record such as '1 . alpn=h2,h3 port=8443', a list, or true for '1 .' expected.";
