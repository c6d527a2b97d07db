const LONGEST = 80;

/** A value of the configuration as an error message shows it: short, and without a password that stands in a URI. */
export function givenValue(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? `'${value}'` : typeof value === 'function' ? 'a function' : inJson(value);
  const oneLine = text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ').replace(/(\/\/[^/@:\s]*):\S*@/g, '$1:***@');
  return oneLine.length <= LONGEST ? oneLine : `${oneLine.slice(0, LONGEST - 1)}…`;
}

/** As it behaves: what JSON has no word for gives undefined. */
const stringify: (value: unknown) => string | undefined = JSON.stringify;

function inJson(value: unknown): string {
  try {
    return stringify(value) ?? String(value);
  } catch {
    // A circular value, or a bigint.
    return String(value);
  }
}
