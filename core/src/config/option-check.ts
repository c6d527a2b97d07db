import type { core, ZodObject, ZodType } from 'zod';
import { valueProblem, type ConfigProblem } from './config-problems.js';
import { unknownKey } from './expectation.js';
import { check, schemaProblems, type Checked } from './schema-problems.js';

type Issue = core.$ZodIssue;
type Values = Readonly<Record<string, unknown>>;

/** The parsed options, or all that is wrong with them. */
export type CheckedOptions =
  { readonly options: Record<string, unknown> } | { readonly problems: readonly ConfigProblem[] };

export interface OptionCheck {
  /** A plugin's schema; none where nothing can be set. */
  readonly schema: ZodObject | undefined;
  readonly values: Values;
  /** How a path below the values is written. */
  readonly pathOf: (path: readonly PropertyKey[]) => string;
  /** Whether all values are text, as in words. */
  readonly areText?: boolean;
  /** Keys that are somebody else's, for advice on mistyped ones. */
  readonly otherKeys?: Iterable<string>;
}

/** Checks options by a plugin's schema; keys that it does not know are problems, whether it says so or not. */
export function checkOptions({ schema, values, pathOf, areText = false, otherKeys = [] }: OptionCheck): CheckedOptions {
  const known = schema === undefined ? NOTHING : knownKeys(schema);
  const unknown =
    known === undefined
      ? []
      : Object.keys(values)
          .filter((key) => !known.has(key))
          .map((key) => valueProblem(pathOf([key]), values[key], unknownKey(key, [...known, ...otherKeys])));
  if (schema === undefined) return unknown.length > 0 ? { problems: unknown } : { options: {} };

  const outcome = areText ? checkText(schema, values) : { checked: check(schema, values), values };
  if (outcome.checked.success && unknown.length === 0) return { options: outcome.checked.data };
  // A strict schema complains of the same keys once more.
  const issues = outcome.checked.success
    ? []
    : outcome.checked.issues.filter(({ code, path }) => code !== 'unrecognized_keys' || path.length > 0);
  return { problems: [...unknown, ...schemaProblems(issues, outcome.values, pathOf)] };
}

const NOTHING: ReadonlySet<string> = new Set();
const knownKeysOf = new WeakMap<ZodObject, ReadonlySet<string> | undefined>();

/** The keys of a schema, `undefined` where it takes any. Remembered, since thousands of unikernels share a schema. */
function knownKeys(schema: ZodObject): ReadonlySet<string> | undefined {
  if (!knownKeysOf.has(schema)) {
    const { catchall } = schema._zod.def;
    const takesAny = catchall !== undefined && catchall._zod.def.type !== 'never';
    knownKeysOf.set(schema, takesAny ? undefined : new Set(Object.keys(schema.shape)));
  }
  return knownKeysOf.get(schema);
}

/**
 * Checks values that are all text, as `key=value` words are, against a schema that may want numbers, booleans or lists:
 * a value that the schema refuses for its type is tried as what the schema asks for.
 *
 * @returns the outcome, and the values that it is about
 */
function checkText<T>(schema: ZodType<T>, values: Values): { readonly checked: Checked<T>; readonly values: Values } {
  const checked = check(schema, values);
  if (checked.success) return { checked, values };
  const converted = checked.issues.reduce(convert, values);
  return converted === values ? { checked, values } : checkText(schema, converted);
}

function convert(values: Values, issue: Issue): Values {
  const [key, index] = issue.path;
  if (typeof key !== 'string' || issue.path.length > 2) return values;
  const value = values[key];
  if (issue.path.length === 1) {
    const converted = typeof value === 'string' ? convertText(value, issue) : undefined;
    return converted === undefined ? values : { ...values, [key]: converted };
  }
  const element: unknown = Array.isArray(value) && typeof index === 'number' ? value[index] : undefined;
  // A list in a list is beyond what words can say; without this the conversion would not end.
  const converted = typeof element === 'string' ? convertText(element, issue) : undefined;
  if (converted === undefined || Array.isArray(converted)) return values;
  return { ...values, [key]: (value as unknown[]).with(index as number, converted) };
}

function convertText(text: string, issue: Issue): unknown {
  const wanted = wantedTypes(issue);
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
  if (number !== undefined && (wanted.has('number') || wanted.has('int') || wanted.has(number))) return number;
  if (wanted.has('boolean') && ['true', '1'].includes(text)) return true;
  if (wanted.has('boolean') && ['false', '0'].includes(text)) return false;
  return wanted.has('array') ? [text] : undefined;
}

/** The types, and the very values, that would have pleased the schema at this place. */
function wantedTypes(issue: Issue): ReadonlySet<unknown> {
  switch (issue.code) {
    case 'invalid_type':
      return new Set([issue.expected]);
    case 'invalid_value':
      return new Set(issue.values.filter((value) => typeof value === 'number'));
    case 'invalid_union':
      return new Set(
        issue.errors.flatMap((branch) =>
          branch.filter(({ path }) => path.length === 0).flatMap((inner) => [...wantedTypes(inner)]),
        ),
      );
    default:
      return new Set();
  }
}
