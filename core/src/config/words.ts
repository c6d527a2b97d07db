/** One unikernel in words, as keys with their values; of a repeated key, all of them. */
export type WordEntry = Readonly<Record<string, string | readonly string[]>>;

/**
 * Reads the `key=value,key=value` form. The first `=` of a part splits it; spaces around keys and before values are
 * dropped; a comma inside a value is written `\,`, and a backslash right before a comma `\\`.
 *
 * @returns the entry, and the parts that are no `key=value`
 */
export function parseWords(text: string): { readonly entry: WordEntry; readonly malformed: readonly string[] } {
  const entry: Record<string, string | string[]> = Object.create(null) as Record<string, never>;
  const malformed: string[] = [];
  for (const part of splitAtCommas(text)) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0)).trim();
    if (key === '') {
      // `a=b,` is as good as `a=b`.
      if (part.trim() !== '') malformed.push(part.trim());
      continue;
    }
    const value = part.slice(equals + 1).trim();
    const earlier = entry[key];
    entry[key] = earlier === undefined ? value : [...(Array.isArray(earlier) ? earlier : [earlier]), value];
  }
  return { entry, malformed };
}

function splitAtCommas(text: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  // A run of backslashes counts only where a comma follows; elsewhere it belongs to the value as it is.
  for (const [token] of text.matchAll(/\\+,|\\+|,|[^\\,]+/g)) {
    if (!token.endsWith(',')) {
      part += token;
      continue;
    }
    const backslashes = token.length - 1;
    part += '\\'.repeat(backslashes >> 1);
    if (backslashes % 2 === 1) {
      part += ',';
    } else {
      parts.push(part);
      part = '';
    }
  }
  return [...parts, part];
}
