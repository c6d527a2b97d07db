import { z } from 'zod';
import type { BackendContribution } from '../contracts/plugin.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { pathText } from './config-problems.js';
import type { ProblemList } from './config-problems.js';
import { checkOptions } from './option-check.js';
import { takeIn } from './plugin-intake.js';

/**
 * The options of each backend's unikernels, for completion in editors. A plugin adds its own:
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

/** The key `backends`. What lies below each entry, its plugin describes. */
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
 * Reads the connections: those under `backends`, and for each further name that a unikernel asks for, the backend of that
 * name with nothing set.
 *
 * @param wanted the names that unikernels ask for, each with the path where it is first asked for
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
    // Even with wrong settings it tells which options its unikernels have.
    connections.set(name, { name, contribution, options: 'options' in checked ? checked.options : undefined });
  }
  return connections;
}
