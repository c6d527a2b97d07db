import type { core } from 'zod';

type RawIssue = core.$ZodRawIssue;
type Issue = core.$ZodIssue;

const KINDS: Readonly<Record<string, string>> = {
  string: 'Text',
  number: 'A number',
  int: 'A whole number',
  boolean: 'true or false',
  array: 'A list',
  object: 'A group of settings ({ … })',
  record: 'A group of settings ({ … })',
  undefined: 'Nothing',
  null: 'null',
};

/**
 * The value that a schema expected, as a sentence, for issues without a message of their own. Unknown keys get one line
 * each, in the order of the issue's `keys`.
 */
export function expectation(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${groupOf(issue) ?? KINDS[issue.expected] ?? `A value of type ${issue.expected}`} expected.`;
    case 'invalid_value':
      return `${issue.values.length > 1 ? 'One of ' : ''}${issue.values.map(inQuotes).join(', ')} expected.`;
    case 'too_small':
      return `${amount(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)} expected.`;
    case 'too_big':
      return `${amount(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)} expected.`;
    case 'not_multiple_of':
      return `A multiple of ${String(issue.divisor)} expected.`;
    case 'invalid_format':
      return issue.format === 'regex'
        ? `Text like ${String(issue['pattern'])} expected.`
        : `A valid ${issue.format} expected.`;
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, knownKeys(issue))).join('\n');
    case 'invalid_union':
      return alternatives(issue.errors);
    default:
      return 'Another value expected.';
  }
}

/** Where there is no advice on an unknown key. */
export const NO_SUCH_KEY = 'No such key.';

/** Advice on an unknown key. */
export function unknownKey(key: string, known: Iterable<string>): string {
  const meant = nearestWord(key, known);
  return meant === undefined ? NO_SUCH_KEY : `No such key; did you mean '${meant}'?`;
}

/** The key that this advice takes for the one that was meant. */
export function meantKey(advice: string): string | undefined {
  return /^No such key; did you mean '(.+)'\?$/.exec(advice)?.[1];
}

function alternatives(branches: readonly (readonly Issue[])[]): string {
  const expected = branches.flatMap(([first]) =>
    first === undefined ? [] : [first.message.replace(/ expected\.$/, '')],
  );
  return `${[...new Set(expected)].map((text, index) => (index === 0 ? text : uncapitalised(text))).join(' or ')} expected.`;
}

function uncapitalised(text: string): string {
  return /^[A-Z][a-z]* /.test(text) || text === 'Text' ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function amount(origin: string, bound: string, limit: number | bigint): string {
  const count = String(limit);
  if (origin === 'string')
    return bound === 'at least' && count === '1' ? 'Text that is not empty' : `Text of ${bound} ${count} characters`;
  if (origin === 'array' || origin === 'set')
    return `A list of ${bound} ${count} ${count === '1' ? 'entry' : 'entries'}`;
  return `A number of ${bound} ${count}`;
}

function inQuotes(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** A group of settings with its first keys, where it has no others than those that are known here. */
function groupOf(issue: RawIssue): string | undefined {
  const definition = issue.inst?._zod.def as { catchall?: core.$ZodType } | undefined;
  if (definition?.catchall?._zod.def.type !== 'never') return undefined;
  const [first, second, third, ...others] = knownKeys(issue);
  const keys = [first, second, third, others.length > 0 ? '…' : undefined].filter((key) => key !== undefined);
  return `A group of settings ({ ${keys.join(', ')} })`;
}

function knownKeys(issue: RawIssue): readonly string[] {
  const definition = issue.inst?._zod.def as { shape?: object } | undefined;
  return Object.keys(definition?.shape ?? {});
}

/** The word that was most likely meant by a mistyped one: at most a third of the letters differ. */
export function nearestWord(mistyped: string, words: Iterable<string>): string | undefined {
  const spelt = plain(mistyped);
  let nearest: string | undefined;
  let smallest = Math.max(1, Math.floor(mistyped.length / 3)) + 1;
  for (const word of words) {
    const distance = editDistance(spelt, plain(word));
    if (distance < smallest) [nearest, smallest] = [word, distance];
  }
  return nearest;
}

/** Without what only sets words apart: `on_exit`, `on-exit` and `onExit` are one. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '');
}

/** The number of insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const differs = a[row - 1] === b[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + differs,
        swapped ? at(beforeLast, column - 2) + 1 : Infinity,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
