import { z } from 'zod';
import { parseDnsName } from './dns-name.js';
import { serviceKey, serviceKeyText } from './service-key.js';
import { serviceValue, uint16 } from './service-value.js';

/** The longest data that a record can hold (RFC 1035, 4.1.3), in bytes. */
const LONGEST_DATA = 65_535;

/** One parameter: its key, and behind `=` its value, which may stand in quotes (RFC 9460, 2.1). */
const PARAMETER = /\s+([^\s="]+)(?:=(?:"((?:[^"\\]|\\[^])*)"|((?:[^\s"\\]|\\[^])*)))?(?=\s|$)/y;

/**
 * The data of an SVCB or HTTPS record (RFC 9460, 2.2) from its presentation form: priority, target, and in any order
 * `alpn`, `no-default-alpn`, `port`, `ipv4hint`, `ipv6hint`, `ech`, `mandatory` and `keyNNNNN`.
 *
 * @throws RangeError that says what is wrong
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

/** What a unikernel's key `https` or `svcb` may say: one record or a list, or true for `1 .`; parsed, as their data. */
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
          // In words, true is text as well.
          const data = parseServiceBinding(record === true || record === 'true' ? '1 .' : record);
          records.set(Buffer.from(data).toString('latin1'), data);
        } catch (error) {
          refuse(index, error);
        }
      }
      const aliases = [...records.values()].filter(([high, low]) => high === 0 && low === 0);
      // RFC 9460, 2.4.1 and 2.4.2: askers ignore everything beside an alias, and pick one of several.
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

/** What holds for parameters together (RFC 9460, 2.4.3, 7.1.1 and 8). */
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

/** `\DDD` and `\c` as the bytes that they stand for (RFC 1035, 5.1). */
function unescaped(text: string): Uint8Array {
  const characters = [...text.matchAll(/\\(\d{3})|\\?([^])/g)];
  return Uint8Array.from(characters, ([written, decimal, character = '']) => {
    const byte = decimal === undefined ? character.charCodeAt(0) : Number(decimal);
    if (byte <= (decimal === undefined ? 0x7f : 0xff)) return byte;
    throw new RangeError(`'${written}' stands for no byte: write other bytes as \\DDD`);
  });
}

const EXPECTED = "A record such as '1 . alpn=h2,h3 port=8443', a list, or true for '1 .' expected.";
