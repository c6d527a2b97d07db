import * as types from 'dns-packet/types.js';

// Types that dns-packet does not know.
const further: Readonly<Record<string, number>> = { SVCB: 64, HTTPS: 65 };

/** The number of a record type given as `A`, `https` or `TYPE65` (RFC 3597, 5); `undefined` for any other text. */
export function recordTypeNumber(text: string): number | undefined {
  const name = text.toUpperCase();
  const digits = /^TYPE(\d{1,5})$/.exec(name)?.[1];
  const number = digits === undefined ? (further[name] ?? types.toType(name)) : Number(digits);
  return number > 0 && number < 65_536 ? number : undefined;
}

/** The name of a record type: `A`, `HTTPS`, `TYPE999`. */
export function recordTypeName(number: number): string {
  const known = Object.keys(further).find((name) => further[name] === number) ?? types.toString(number);
  return known === null || known.startsWith('UNKNOWN_') ? `TYPE${number}` : known;
}
