import type { core, ZodType } from 'zod';
import { valueProblem, type ConfigProblem } from './config-problems.js';
import { expectation } from './expectation.js';

type Issue = core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The outcome of parsing: the output, or the issues. */
export type Checked<T> =
  { readonly success: true; readonly data: T } | { readonly success: false; readonly issues: readonly Issue[] };

/** Parses; issues without a message of their own get one from `expectation`. */
export function check<T>(schema: ZodType<T>, input: unknown): Checked<T> {
  const result = schema.safeParse(input, { error: expectation });
  return result.success ? result : { success: false, issues: result.error.issues };
}

/**
 * Converts issues to problems, each with the given value.
 * @param pathOf writes a path below the input, such as `dns.port`
 */
export function schemaProblems(
  issues: readonly Issue[],
  input: unknown,
  pathOf: (path: Path) => string,
): readonly ConfigProblem[] {
  return issues.flatMap(specificIssues).flatMap((issue): ConfigProblem[] => {
    if (issue.code === 'unrecognized_keys') {
      const advice = issue.message.split('\n');
      return issue.keys.map((key, index) => {
        const path = [...issue.path, key];
        return valueProblem(pathOf(path), valueAt(input, path), advice[index] ?? issue.message);
      });
    }
    return [valueProblem(pathOf(issue.path), valueAt(input, issue.path), asSentence(issue.message))];
  });
}

/** Replaces the issue of a union by those of the one branch that accepts the value's type: they are more specific. */
function specificIssues(issue: Issue): readonly Issue[] {
  if (issue.code === 'invalid_union') {
    const fitting = issue.errors.filter(
      (branch) =>
        branch.length > 0 && branch.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
    );
    const [only] = fitting;
    if (only !== undefined && fitting.length === 1) return nestedIssues(issue, only);
  }
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') return nestedIssues(issue, issue.issues);
  return [issue];
}

function nestedIssues(parent: Issue, issues: readonly Issue[]): readonly Issue[] {
  return issues.map((issue) => ({ ...issue, path: [...parent.path, ...issue.path] })).flatMap(specificIssues);
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
