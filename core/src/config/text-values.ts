import type { core, ZodType } from 'zod';
import { check, type Checked } from './schema-problems.js';

type Issue = core.$ZodIssue;
type Values = Readonly<Record<string, unknown>>;

/**
 * Checks values that are all text, as `key=value` words are, against a schema that may want numbers, booleans or lists:
 * a value that the schema refuses for its type is tried as what the schema asks for.
 *
 * @returns the outcome, and the values that it is about
 */
export function checkText<T>(
  schema: ZodType<T>,
  values: Values,
): { readonly checked: Checked<T>; readonly values: Values } {
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
