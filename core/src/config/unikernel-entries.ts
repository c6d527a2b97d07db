import { givenValue, pathText, type ProblemList } from './config-problems.js';
import { camelCase } from './key-case.js';

const LONGEST_ORIGIN = 60;

const LIST = 'A list of unikernels such as { name, dns, ip } expected; what each is called is its key name.';

/** Unikernels as written, unchecked. */
export interface UnikernelEntries {
  readonly entries: readonly UnikernelEntry[];
  /** Every key that any of them has, in camelCase. */
  readonly keys: ReadonlySet<string>;
}

/** All unikernels of a configuration: first those of the file, then those given as words. */
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
    problems.add({ path: 'unikernels', given: String(givenValue(unikernels)), expected: LIST });
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

/** A unikernel as written, with keys in camelCase, and the paths of its values for messages. */
export class UnikernelEntry {
  readonly values: Readonly<Record<string, unknown>>;
  /** The keys that are given in both spellings. */
  readonly repeated: readonly string[];

  /** @param place its index in the list, or the quoted words */
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
    // Not by assignment, which would set the prototype for a key named __proto__.
    this.values = Object.fromEntries(keys.map((key) => [spelling.camelCase(key), written[key]]));
    this.repeated =
      Object.keys(this.values).length === keys.length
        ? NONE
        : keys.filter((key, index) => keys.slice(0, index).some((earlier) => camelCase(earlier) === camelCase(key)));
  }

  /** `unikernels[3]`, or the quoted words. */
  get origin(): string {
    return this.isWords ? String(this.place) : `unikernels[${String(this.place)}]`;
  }

  /** Whether all values are text. */
  get isWords(): boolean {
    return typeof this.place === 'string';
  }

  /** A path below this entry, in the spelling of the input. */
  pathOf([key, ...rest]: readonly PropertyKey[]): string {
    if (key === undefined) return this.origin;
    const spelled = Object.keys(this.written).find((candidate) => camelCase(candidate) === key) ?? key;
    const below = pathText([spelled, ...rest]);
    return this.isWords ? `${this.origin} → ${below}` : `${this.origin}${below.startsWith('[') ? '' : '.'}${below}`;
  }
}

/** Whether the object inherits no keys, as objects from a file do not. */
function isPlain(written: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(written);
  return prototype === Object.prototype || prototype === null;
}

/** Caches the camelCase form of every key, since the same few keys recur in every unikernel. */
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

/** A unikernel given as words: its keys with their values; a repeated key has a list of all its values. */
type WordEntry = Readonly<Record<string, string | readonly string[]>>;

/**
 * Parses the form `key=value,key=value`. The first `=` of a part separates key and value; spaces around keys and before
 * values are dropped; a comma inside a value is written `\,`, and a backslash right before a comma `\\`.
 *
 * @returns the entry, and the parts that do not have the form `key=value`
 */
export function parseWords(text: string): { readonly entry: WordEntry; readonly malformed: readonly string[] } {
  const entry: Record<string, string | string[]> = Object.create(null) as Record<string, never>;
  const malformed: string[] = [];
  for (const part of splitAtCommas(text)) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0)).trim();
    if (key === '') {
      // A trailing comma is allowed: `a=b,`.
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
  // Backslashes escape only before a comma; elsewhere they are part of the value.
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
