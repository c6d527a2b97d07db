import { z } from 'zod';
import type { ConfiguredContribution } from '../contracts/plugin.js';
import type { NamedContributions } from '../plugins/named-contributions.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { pathText } from './config-problems.js';
import type { ProblemList } from './config-problems.js';
import { checkOptions } from './option-check.js';
import { takeIn } from './plugin-intake.js';

/** The keys `notifiers` and `resolvers`. The plugin of each entry describes the keys below it. */
export function configuredSchema(description: string) {
  return z.record(z.string(), z.record(z.string(), z.unknown())).prefault({}).describe(description);
}

/** An enabled notifier, resolver or state store with its settings. */
export interface Configured<T> {
  readonly contribution: ConfiguredContribution<T>;
  readonly options: unknown;
}

/** Reads `notifiers` or `resolvers`: each entry enables one, with the settings in it. */
export async function readConfigured<T>(
  key: 'notifiers' | 'resolvers',
  entries: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  contributions: NamedContributions<ConfiguredContribution<T>>,
  loader: PluginLoader,
  problems: ProblemList,
): Promise<readonly Configured<T>[]> {
  const configured: Configured<T>[] = [];
  for (const [name, values] of Object.entries(entries)) {
    const contribution = await takeIn(name, contributions, loader).catch((error: unknown) => {
      problems.addError(pathText([key, name]), values, error);
      return undefined;
    });
    if (contribution === undefined) continue;
    const pathOf = (path: readonly PropertyKey[]): string => pathText([key, name, ...path]);
    const checked = checkOptions({ schema: contribution.options, values, pathOf });
    if ('options' in checked) configured.push({ contribution, options: checked.options });
    else problems.add(...checked.problems);
  }
  return configured;
}
