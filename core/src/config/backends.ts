import { z } from 'zod';
import type { BackendContribution } from '../contracts/plugin.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { pathText } from './config-problems.js';
import type { ProblemList } from './config-problems.js';
import { checkOptions } from './option-check.js';
import { takeIn } from './plugin-intake.js';

/**
 * The unikernel options of each backend, for completion in editors. A plugin adds its own:
 *
 * ```ts
 * declare module '@jitsud/core/plugin' {
 *   interface BackendOptions {
 *     sleeper: { readonly seconds: number };
 *   }
 * }
 * ```
 */
export interface BackendOptions {}

/** The key `backends`. The plugin of each entry describes the keys below it. */
export const backendsSchema = z
  .record(
    z.string(),
    z.looseObject({
      use: z.string().min(1).optional().describe('The backend that this is a connection of; its own name where absent'),
    }),
  )
  .prefault({})
  .describe('Connections by name, each with the settings of its backend');

/** A connection to a virtualisation system. */
export interface ConnectionSettings {
  readonly name: string;
  readonly contribution: BackendContribution;
  readonly options: unknown;
}

/**
 * Reads the connections: those under `backends`, and for each other name that a unikernel uses, the backend of that
 * name with default settings.
 *
 * @param wanted the names that unikernels use, each with the path of its first use
 */
export async function readConnections(
  backends: z.output<typeof backendsSchema>,
  wanted: ReadonlyMap<string, string>,
  loader: PluginLoader,
  problems: ProblemList,
): Promise<ReadonlyMap<string, ConnectionSettings>> {
  const connections = new Map<string, ConnectionSettings>();
  for (const name of new Set([...Object.keys(backends), ...wanted.keys()])) {
    const { use = name, ...values } = Object.hasOwn(backends, name) ? (backends[name] ?? {}) : {};
    const pathOf = (path: readonly PropertyKey[]): string => pathText(['backends', name, ...path]);
    const contribution = await takeIn(use, loader.contributions.backends, loader).catch((error: unknown) => {
      const isDeclared = Object.hasOwn(backends, name) && use !== name;
      problems.addError(isDeclared ? pathOf(['use']) : (wanted.get(name) ?? pathOf([])), use, error);
      return undefined;
    });
    if (contribution === undefined) continue;
    const { connect, ...others } = values;
    const takesUri = connect === undefined || 'connect' in (contribution.connection?.shape ?? {});
    if (!takesUri) problems.addValue(pathOf(['connect']), connect, `The backend '${use}' takes no connection URI.`);
    const checked = checkOptions({
      schema: contribution.connection,
      values: takesUri ? values : others,
      pathOf,
      otherKeys: ['use'],
    });
    if ('problems' in checked) problems.add(...checked.problems);
    // A connection with invalid settings is kept: its contribution has the schema of the unikernels' options.
    connections.set(name, { name, contribution, options: 'options' in checked ? checked.options : undefined });
  }
  return connections;
}
