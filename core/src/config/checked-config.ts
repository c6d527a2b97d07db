import { ZodObject, type core, type ZodType } from 'zod';
import { configSchema, type CheckedConfig } from './config.js';
import { givenValue, pathText, type ProblemList } from './config-problems.js';
import { NO_SUCH_KEY, unknownKey } from './expectation.js';
import { check, schemaProblems } from './schema-problems.js';
import { pathOfFlag } from './start-flags.js';

/**
 * Checks everything but the unikernels. Invalid values are left out, so that the rest can be checked; the result is
 * valid only if no problem was found.
 */
export function checkConfig(input: Readonly<Record<string, unknown>>, problems: ProblemList): CheckedConfig {
  const shape: Readonly<Record<string, ZodType>> = configSchema.shape;
  const known = [...Object.keys(shape), 'unikernels', '$schema'];
  for (const key of Object.keys(input).filter((candidate) => !known.includes(candidate))) {
    const given = givenValue(input[key]) ?? 'undefined';
    problems.add({ path: pathText([key]), given, expected: elsewhere(key, unknownKey(key, known)) });
  }
  const entries = Object.entries(shape).map(([key, schema]) => {
    const checked = check(schema, input[key]);
    if (checked.success) return [key, checked.data];
    const found = schemaProblems(checked.issues, input[key], (path) => pathText([key, ...path]));
    problems.add(
      ...found.map((problem) => ({ ...problem, expected: elsewhere(lastKey(problem.path), problem.expected) })),
    );
    const rest = check(schema, withoutInvalid(input[key], checked.issues));
    return [key, rest.success ? rest.data : schema.parse(undefined)];
  });
  return Object.fromEntries(entries) as CheckedConfig;
}

/** Advice on an unknown key with none near it: that it stands elsewhere, or is the flag for another one. */
function elsewhere(key: string, advice: string): string {
  if (advice !== NO_SUCH_KEY) return advice;
  const plain = key.replace(/[-_]/g, '').toLowerCase();
  const paths = keyPaths(configSchema).filter((path) => path.at(-1)?.toLowerCase() === plain);
  const [path] = paths.map((parts) => parts.join('.'));
  const meant = path ?? pathOfFlag(key);
  return meant === undefined ? advice : `${NO_SUCH_KEY.slice(0, -1)}; did you mean '${meant}'?`;
}

function lastKey(path: string): string {
  return /[\w-]+$/.exec(path)?.[0] ?? '';
}

/** The paths of all keys, those of lists left out. */
function keyPaths(schema: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (schema instanceof ZodObject)
    return Object.entries(schema.shape).flatMap(([key, inner]) => keyPaths(inner, [...path, key]));
  const { innerType, in: input = innerType } = (schema as ZodType).def as { innerType?: unknown; in?: unknown };
  const below = input === undefined ? [] : keyPaths(input, path).filter(({ length }) => length > path.length);
  return [path, ...below];
}

/** A copy without the values that have an issue. */
function withoutInvalid(input: unknown, issues: readonly core.$ZodIssue[]): unknown {
  if (
    typeof input !== 'object' ||
    input === null ||
    issues.some(({ path, code }) => path.length === 0 && code !== 'unrecognized_keys')
  ) {
    return undefined;
  }
  const below = (key: PropertyKey): readonly core.$ZodIssue[] =>
    issues
      .filter(({ path: [first] }) => String(first) === key)
      .map((issue) => ({ ...issue, path: issue.path.slice(1) }));
  const unknown = new Set(
    issues.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [])),
  );
  const kept = Object.entries(input)
    .filter(([key]) => !unknown.has(key))
    .map(
      ([key, value]: [string, unknown]) =>
        [key, below(key).length === 0 ? value : withoutInvalid(value, below(key))] as const,
    )
    .filter(([, value]) => value !== undefined);
  return Array.isArray(input) ? kept.map(([, value]) => value) : Object.fromEntries(kept);
}
