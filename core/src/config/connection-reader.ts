import type { PluginLoader } from '../plugins/plugin-loader.js';
import type { CheckedConfig } from './config-schema.js';
import { givenValue } from './given-value.js';
import { checkOptions } from './option-check.js';
import { takeIn } from './plugin-intake.js';
import type { ProblemList } from './problem-list.js';
import { pathText } from './schema-problems.js';
import type { ConnectionSettings } from './settings.js';

/**
 * Reads the connections: those under `backends`, and for each further name that a unikernel asks for, the backend of that
 * name with nothing set.
 *
 * @param wanted the names that unikernels ask for, each with the path where it is first asked for
 */
export async function readConnections(
  { backends }: CheckedConfig,
  wanted: ReadonlyMap<string, string>,
  loader: PluginLoader,
  problems: ProblemList,
): Promise<ReadonlyMap<string, ConnectionSettings>> {
  const connections = new Map<string, ConnectionSettings>();
  for (const name of new Set([...Object.keys(backends), ...wanted.keys()])) {
    const { use = name, ...values } = Object.hasOwn(backends, name) ? (backends[name] ?? {}) : {};
    const contribution = await takeIn(use, loader.contributions.backends, loader).catch((error: unknown) => {
      const declared = Object.hasOwn(backends, name) && use !== name;
      problems.addError(
        declared ? pathText(['backends', name, 'use']) : (wanted.get(name) ?? pathText(['backends', name])),
        use,
        error,
      );
      return undefined;
    });
    if (contribution === undefined) continue;
    const { connect, ...others } = values;
    const takesUri = connect === undefined || 'connect' in (contribution.connection?.shape ?? {});
    if (!takesUri) {
      const expected = `The backend '${use}' takes no connection URI.`;
      problems.add({
        path: pathText(['backends', name, 'connect']),
        given: givenValue(connect) ?? 'undefined',
        expected,
      });
    }
    const checked = checkOptions({
      schema: contribution.connection,
      values: takesUri ? values : others,
      pathOf: (path) => pathText(['backends', name, ...path]),
      otherKeys: ['use'],
    });
    if ('problems' in checked) problems.add(...checked.problems);
    // Even with wrong settings it tells which options its unikernels have.
    connections.set(name, { name, contribution, options: 'options' in checked ? checked.options : undefined });
  }
  return connections;
}
