import type { core, ZodType } from 'zod';
import type { ConfigProblem } from './config-problems.js';
import { expectation } from './expectation.js';
import { givenValue } from './given-value.js';

type Issue = core.$ZodIssue;
type Path = readonly PropertyKey[];

/** What a schema makes of an input: the output, or the issues that it has. */
export type Checked<T> =
  { readonly success: true; readonly data: T } | { readonly success: false; readonly issues: readonly Issue[] };

/** Parses, with our own wording where the schema has none. */
export function check<T>(schema: ZodType<T>, input: unknown): Checked<T> {
  const result = schema.safeParse(input, { error: expectation });
  return result.success ? result : { success: false, issues: result.error.issues };
}

/**
 * The issues as problems, each with what was given.
 * @param pathOf how a path below the input is written, such as `dns.port`
 */
export function schemaProblems(
  issues: readonly Issue[],
  input: unknown,
  pathOf: (path: Path) => string,
): readonly ConfigProblem[] {
  return issues.flatMap(atTheRoot).flatMap((issue): ConfigProblem[] => {
    if (issue.code === 'unrecognized_keys') {
      const advice = issue.message.split('\n');
      return issue.keys.map((key, index) => {
        const path = [...issue.path, key];
        return problem(pathOf(path), valueAt(input, path), advice[index] ?? issue.message);
      });
    }
    return [problem(pathOf(issue.path), valueAt(input, issue.path), asSentence(issue.message))];
  });
}

/** Writes a path as one would in JavaScript: `unikernels[1].ip`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${String(key)}]`;
    const name = String(key);
    if (!/^[\w-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

function problem(path: string, value: unknown, expected: string): ConfigProblem {
  const given = givenValue(value);
  return { path, expected, ...(given !== undefined && { given }) };
}

/** Of a union, the branch that took the value's type and found fault deeper down says more than the union does. */
function atTheRoot(issue: Issue): readonly Issue[] {
  if (issue.code === 'invalid_union') {
    const fitting = issue.errors.filter(
      (branch) =>
        branch.length > 0 && branch.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
    );
    const [only] = fitting;
    if (only !== undefined && fitting.length === 1) return below(issue, only);
  }
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') return below(issue, issue.issues);
  return [issue];
}

function below(parent: Issue, issues: readonly Issue[]): readonly Issue[] {
  return issues.map((issue) => ({ ...issue, path: [...parent.path, ...issue.path] })).flatMap(atTheRoot);
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Record<PropertyKey, unknown>)[key];
  }, input);
}

function asSentence(message: string): string {
  return /[.?!]$/.test(message) ? message : `${message}.`;
}
