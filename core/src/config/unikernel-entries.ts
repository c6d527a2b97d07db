import { givenValue, pathText, type ProblemList } from './config-problems.js';

const LONGEST_ORIGIN = 60;

/** Unikernels as they were written. */
export interface UnikernelEntries {
  readonly entries: readonly UnikernelEntry[];
  /** Every key that one of them has, in camelCase. */
  readonly keys: ReadonlySet<string>;
}

/** All unikernels of a configuration, those of the file first, then those in words. */
export function unikernelEntries(fromFile: unknown, words: readonly string[], problems: ProblemList): UnikernelEntries {
  const spelling = new KeySpelling();
  const entries = fileEntries(fromFile, spelling, problems).concat(
    words.map((text) => wordEntry(text, spelling, problems)),
  );
  return { entries, keys: spelling.keys };
}

function fileEntries(unikernels: unknown, spelling: KeySpelling, problems: ProblemList): readonly UnikernelEntry[] {
  if (unikernels === undefined) return [];
  if (!Array.isArray(unikernels)) {
    problems.add({ path: 'unikernels', given: String(givenValue(unikernels)), expected: 'A list expected.' });
    return [];
  }
  const entries: UnikernelEntry[] = [];
  for (const [index, written] of (unikernels as readonly unknown[]).entries()) {
    if (typeof written === 'object' && written !== null && !Array.isArray(written)) {
      entries.push(new UnikernelEntry(index, written as Record<string, unknown>, spelling));
      continue;
    }
    problems.add({
      path: `unikernels[${String(index)}]`,
      given: givenValue(written) ?? 'undefined',
      expected: 'A unikernel such as { name, dns, ip } expected.',
    });
  }
  return entries;
}

function wordEntry(text: string, spelling: KeySpelling, problems: ProblemList): UnikernelEntry {
  const short = text.length <= LONGEST_ORIGIN ? text : `${text.slice(0, LONGEST_ORIGIN - 1)}…`;
  const { entry, malformed } = parseWords(text);
  for (const part of malformed) {
    problems.add({
      path: `"${short}"`,
      given: `'${part}'`,
      expected: 'key=value expected; a comma inside a value is written \\, with a backslash.',
    });
  }
  return new UnikernelEntry(`"${short}"`, entry, spelling);
}

const NONE: readonly string[] = [];

/** One unikernel as it was written, its keys in camelCase, and how to speak of a place in it. */
export class UnikernelEntry {
  readonly values: Readonly<Record<string, unknown>>;
  /** Keys that were given in both spellings. */
  readonly repeated: readonly string[];

  /** @param place its number in the list, or the words in quotes */
  constructor(
    private readonly place: number | string,
    private readonly written: Readonly<Record<string, unknown>>,
    spelling: KeySpelling,
  ) {
    const keys = Object.keys(written);
    if (isPlain(written) && keys.every((key) => spelling.camelCase(key) === key)) {
      this.values = written;
      this.repeated = NONE;
      return;
    }
    // Not by assignment, which would take a key named __proto__ for the prototype.
    this.values = Object.fromEntries(keys.map((key) => [spelling.camelCase(key), written[key]]));
    this.repeated =
      Object.keys(this.values).length === keys.length
        ? NONE
        : keys.filter((key, index) => keys.slice(0, index).some((earlier) => camelCase(earlier) === camelCase(key)));
  }

  /** `unikernels[3]`, or the words in quotes. */
  get origin(): string {
    return this.isWords ? String(this.place) : `unikernels[${String(this.place)}]`;
  }

  /** Whether all values are text. */
  get isWords(): boolean {
    return typeof this.place === 'string';
  }

  /** A path below this entry, in the spelling that was used. */
  pathOf([key, ...rest]: readonly PropertyKey[]): string {
    if (key === undefined) return this.origin;
    const spelled = Object.keys(this.written).find((candidate) => camelCase(candidate) === key) ?? key;
    const below = pathText([spelled, ...rest]);
    return this.isWords ? `${this.origin} → ${below}` : `${this.origin}${below.startsWith('[') ? '' : '.'}${below}`;
  }
}

/** Whether it has no keys but its own, as what comes out of a file. */
function isPlain(written: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(written);
  return prototype === Object.prototype || prototype === null;
}

/** Remembers every key of the configuration in camelCase: the same few come by very often. */
class KeySpelling {
  readonly #camelCased = new Map<string, string>();

  get keys(): ReadonlySet<string> {
    return new Set(this.#camelCased.values());
  }

  camelCase(key: string): string {
    let result = this.#camelCased.get(key);
    if (result === undefined) {
      result = camelCase(key);
      this.#camelCased.set(key, result);
    }
    return result;
  }
}

/** `response_delay` → `responseDelay`. */
function camelCase(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** One unikernel in words, as keys with their values; of a repeated key, all of them. */
type WordEntry = Readonly<Record<string, string | readonly string[]>>;

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
