import type { ZodObject } from 'zod';
import type { ConfigProblem } from './config-problems.js';
import { unknownKey } from './expectation.js';
import { givenValue } from './given-value.js';
import { check, schemaProblems } from './schema-problems.js';
import { checkText } from './text-values.js';

/** The parsed options, or all that is wrong with them. */
export type CheckedOptions =
  { readonly options: Record<string, unknown> } | { readonly problems: readonly ConfigProblem[] };

export interface OptionCheck {
  /** A plugin's schema; none where nothing can be set. */
  readonly schema: ZodObject | undefined;
  readonly values: Readonly<Record<string, unknown>>;
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
          .map((key) => unknownKeyProblem(pathOf([key]), values[key], unknownKey(key, [...known, ...otherKeys])));
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

function unknownKeyProblem(path: string, value: unknown, expected: string): ConfigProblem {
  const given = givenValue(value);
  return { path, expected, ...(given !== undefined && { given }) };
}
