import { dirname, resolve } from 'node:path';
import { JitsuError } from '../errors.js';
import { SEARCH_PLACES } from './config-places.js';
import { readConfigFile } from './read-config-file.js';
import { readSettings, type SettingsContext } from './read-settings.js';
import type { Settings } from './settings.js';
import type { StartFlags } from './start-flags.js';

/** The configuration as given on the command line. */
export interface SettingsRequest {
  /** The folder to search for a configuration; `file` is relative to it. */
  readonly directory: string;
  /** The configuration file; searched for in `directory` if absent. */
  readonly file?: string;
  /** Unikernels as `key=value` words, in addition to those of the file. */
  readonly words: readonly string[];
  readonly flags: StartFlags;
}

/**
 * Finds the configuration, checks it together with the words and flags, and fills in all defaults.
 * @throws JITSU_CONFIG_NOT_FOUND if there is neither a file nor words, JITSU_CONFIG_UNREADABLE,
 *   JITSU_CONFIG_UNSAFE, and JITSU_CONFIG_INVALID with all problems
 */
export async function loadSettings(
  { directory, file, words, flags }: SettingsRequest,
  context: SettingsContext,
): Promise<Settings> {
  const found = await readConfigFile(resolve(directory), file === undefined ? undefined : resolve(directory, file));
  if (found === undefined && words.length === 0) {
    throw new JitsuError(
      'JITSU_CONFIG_NOT_FOUND',
      `There is nothing to serve: no configuration in ${resolve(directory)} (looked for ${SEARCH_PLACES.join(', ')} with the key "jitsu"), ` +
        'and no unikernel on the command line. Name a file with --config, or describe a unikernel in words: ' +
        "jitsu start -x process 'dns=a.test,ip=127.0.0.9,name=a,command=python3 server.py,ready=tcp:8080'",
    );
  }
  return readSettings(
    {
      config: found === undefined ? {} : found.config,
      directory: found === undefined ? resolve(directory) : dirname(found.file),
      ...(found !== undefined && { file: found.file, lines: found.lines }),
      words,
      flags,
    },
    context,
  );
}
