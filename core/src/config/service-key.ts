/** Keys of service parameters by their names (RFC 9460, 14.3.2). */
const KEYS: Readonly<Record<string, number>> = {
  mandatory: 0,
  alpn: 1,
  'no-default-alpn': 2,
  port: 3,
  ipv4hint: 4,
  ech: 5,
  ipv6hint: 6,
};

const NAMES = Object.keys(KEYS);

/** What the highest number of all is not: a key (RFC 9460, 14.3.2). */
const INVALID = 65_535;

/** The number of a key by its name, or as `key667` where it has none here. @throws RangeError */
export function serviceKey(text: string): number {
  if (Object.hasOwn(KEYS, text)) return KEYS[text] as number;
  const [, digits] = /^key(0|[1-9]\d{0,4})$/.exec(text) ?? [];
  const key = Number(digits);
  if (digits === undefined || key >= INVALID) {
    throw new RangeError(`'${text}' is no parameter: ${NAMES.join(', ')}, or keyNNNNN with a number below ${INVALID}`);
  }
  const name = NAMES.find((candidate) => KEYS[candidate] === key);
  if (name !== undefined) throw new RangeError(`'${text}' has a name: write ${name}`);
  return key;
}

/** A key as {@link serviceKey} reads it. */
export function serviceKeyText(key: number): string {
  return NAMES.find((name) => KEYS[name] === key) ?? `key${key}`;
}
