import { z } from 'zod';
import type { StateStore } from '../contracts/state-store.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { pathText, type ProblemList } from './config-problems.js';
import type { Configured } from './configured.js';
import { checkOptions } from './option-check.js';
import { takeIn } from './plugin-intake.js';

/** The key `state`. The store's plugin describes the other keys below it. */
export const stateSchema = z.looseObject({
  use: z.string().min(1).optional().describe('The state store; lmdb with a path, memory without one, where absent'),
  path: z
    .string()
    .min(1)
    .optional()
    .describe('The folder of the durable store, relative to this file; in memory where absent'),
});

/**
 * Reads the name and the options of the state store.
 * @param path the resolved `state.path`
 */
export async function readState(
  { use, ...values }: z.output<typeof stateSchema>,
  path: string | undefined,
  loader: PluginLoader,
  problems: ProblemList,
): Promise<Configured<StateStore> | undefined> {
  const name = use ?? (path === undefined ? 'memory' : 'lmdb');
  const contribution = await takeIn(name, loader.contributions.stateStores, loader).catch((error: unknown) => {
    problems.addError(pathText(['state', 'use']), name, error);
    return undefined;
  });
  if (contribution === undefined) return undefined;
  const checked = checkOptions({
    schema: contribution.options,
    values: { ...values, ...(path !== undefined && { path }) },
    pathOf: (inner) => pathText(['state', ...inner]),
    otherKeys: ['use', 'path'],
  });
  if ('options' in checked) return { contribution, options: checked.options };
  problems.add(...checked.problems);
  return undefined;
}
