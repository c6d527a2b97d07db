import type { SettingsRequest } from '@jitsud/core';
import type { StartChoice } from './command-line.js';
import { UsageError } from './usage-error.js';
import { wholeWords } from './whole-words.js';

/**
 * The settings that `jitsu start` or `jitsu check` has to load.
 * @throws UsageError for a word that does not describe a unikernel
 */
export function startRequest(
  command: 'start' | 'check',
  directory: string,
  words: readonly string[],
  { config, ...flags }: StartChoice,
): SettingsRequest {
  const stray = words.find((word) => !word.includes('='));
  if (stray !== undefined && stray === words[0]) {
    const advice = /\.(ya?ml|json|[cm]?[jt]s)$/.test(stray)
      ? `A configuration file comes after --config: --config ${stray}`
      : "Words such as 'dns=a.test,ip=127.0.0.9,name=a' expected, and a configuration file after --config.";
    throw new UsageError(`'${stray}' describes no unikernel. ${advice}`, command);
  }
  const whole = wholeWords(words);
  if (whole !== undefined) {
    const quoted = whole.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    throw new UsageError(
      `Not all of these words describe a unikernel. Without quotes, the shell splits them at blanks; with quotes they are: ${quoted}`,
      command,
    );
  }
  return { directory, words, flags, ...(config !== undefined && { file: config }) };
}
