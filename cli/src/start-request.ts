import type { SettingsRequest } from '@jitsud/core';
import type { StartChoice } from './command-line.js';
import { UsageError } from './usage-error.js';

/**
 * The settings that `jitsu start` or `jitsu check` has to load.
 * @throws UsageError for a word that does not describe a unikernel
 */
export function startRequest(
  directory: string,
  words: readonly string[],
  { config, ...flags }: StartChoice,
): SettingsRequest {
  const stray = words.find((word) => !word.includes('='));
  if (stray !== undefined) {
    throw new UsageError(
      `'${stray}' describes no unikernel. Words such as 'dns=a.test,ip=127.0.0.9,name=a' expected, and a configuration ` +
        'file after --config.',
      'start',
    );
  }
  return { directory, words, flags, ...(config !== undefined && { file: config }) };
}
