import type { core, ZodObject, ZodType } from 'zod';
import { valueProblem, type ConfigProblem } from './config-problems.js';
import { unknownKey } from './expectation.js';
import { check, schemaProblems, type Checked } from './schema-problems.js';

type Issue = core.$ZodIssue;
type Values = Readonly<Record<string, unknown>>;

/** The parsed options, or all of their problems. */
export type CheckedOptions =
  { readonly options: Record<string, unknown> } | { readonly problems: readonly ConfigProblem[] };

export interface OptionCheck {
  /** A plugin's schema; `undefined` if it has no options. */
  readonly schema: ZodObject | undefined;
  readonly values: Values;
  /** Writes a path below the values for messages. */
  readonly pathOf: (path: readonly PropertyKey[]) => string;
  /** Whether all values are text, as in `key=value` words. */
  readonly areText?: boolean;
  /** Further valid keys that this schema does not read, for advice on mistyped ones. */
  readonly otherKeys?: Iterable<string>;
  /** Says more of an unknown key than that it is unknown, if there is more to say. */
  readonly adviceOn?: (unknownKey: string) => string | undefined;
}

/** Checks options against a plugin's schema. Unknown keys are problems, even if the schema is not strict. */
export function checkOptions({
  schema,
  values,
  pathOf,
  areText = false,
  otherKeys = [],
  adviceOn,
}: OptionCheck): CheckedOptions {
  const known = schema === undefined ? NOTHING : knownKeys(schema);
  const unknown =
    known === undefined
      ? []
      : Object.keys(values)
          .filter((key) => !known.has(key))
          .map((key) =>
            valueProblem(pathOf([key]), values[key], adviceOn?.(key) ?? unknownKey(key, [...known, ...otherKeys])),
          );
  if (schema === undefined) return unknown.length > 0 ? { problems: unknown } : { options: {} };

  const outcome = areText ? checkText(schema, values) : { checked: check(schema, values), values };
  if (outcome.checked.success && unknown.length === 0) return { options: outcome.checked.data };
  // A strict schema reports the same unknown keys again.
  const issues = outcome.checked.success
    ? []
    : outcome.checked.issues.filter(({ code, path }) => code !== 'unrecognized_keys' || path.length > 0);
  return { problems: [...unknown, ...schemaProblems(issues, outcome.values, pathOf)] };
}

const NOTHING: ReadonlySet<string> = new Set();
const knownKeysOf = new WeakMap<ZodObject, ReadonlySet<string> | undefined>();

/** The keys of a schema; `undefined` if it accepts any. Cached, since thousands of unikernels share a schema. */
function knownKeys(schema: ZodObject): ReadonlySet<string> | undefined {
  if (!knownKeysOf.has(schema)) {
    const { catchall } = schema._zod.def;
    const takesAny = catchall !== undefined && catchall._zod.def.type !== 'never';
    knownKeysOf.set(schema, takesAny ? undefined : new Set(Object.keys(schema.shape)));
  }
  return knownKeysOf.get(schema);
}

/**
 * Checks values that are all text (`key=value` words) against a schema that may expect numbers, booleans or lists: a
 * value that is refused for its type is converted to the expected type and checked again.
 *
 * @returns the outcome, and the converted values that it refers to
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
  // Words cannot express nested lists; without this check the conversion would not terminate.
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

/** The types and literal values that the schema accepts at this place. */
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
