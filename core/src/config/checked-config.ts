import type { ZodType } from 'zod';
import { configSchema } from './config-schema.js';
import type { CheckedConfig } from './config-schema.js';
import { unknownKey } from './expectation.js';
import { givenValue } from './given-value.js';
import type { ProblemList } from './problem-list.js';
import { check, pathText, schemaProblems } from './schema-problems.js';

/**
 * Checks everything but the unikernels. A key with a problem gets its default, so that the rest can be looked at: the
 * result counts only if no problem was found.
 */
export function checkConfig(input: Readonly<Record<string, unknown>>, problems: ProblemList): CheckedConfig {
  const shape: Readonly<Record<string, ZodType>> = configSchema.shape;
  const known = [...Object.keys(shape), 'unikernels', '$schema'];
  for (const key of Object.keys(input).filter((candidate) => !known.includes(candidate))) {
    problems.add({
      path: pathText([key]),
      given: givenValue(input[key]) ?? 'undefined',
      expected: unknownKey(key, known),
    });
  }
  const entries = Object.entries(shape).map(([key, schema]) => {
    const checked = check(schema, input[key]);
    if (checked.success) return [key, checked.data];
    problems.add(...schemaProblems(checked.issues, input[key], (path) => pathText([key, ...path])));
    return [key, schema.parse(undefined)];
  });
  return Object.fromEntries(entries) as CheckedConfig;
}
