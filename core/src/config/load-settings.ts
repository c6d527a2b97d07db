import { dirname, resolve } from 'node:path';
import { JitsuError } from '../errors.js';
import { readConfigFile, SEARCH_PLACES } from './config-file.js';
import { readSettings, type SettingsContext } from './read-settings.js';
import type { Settings } from './settings.js';
import type { StartFlags } from './start-flags.js';

/** What the command line says. */
export interface SettingsRequest {
  /** The folder where a configuration is looked for, and that `file` is relative to. */
  readonly directory: string;
  /** The configuration file; looked for where absent. */
  readonly file?: string;
  /** Unikernels as `key=value` words, besides those of the file. */
  readonly words: readonly string[];
  readonly flags: StartFlags;
}

/**
 * Finds the configuration, checks it together with the words and flags, and fills in every default.
 * @throws JITSU_CONFIG_NOT_FOUND when there is neither a file nor words, JITSU_CONFIG_UNREADABLE, and JITSU_CONFIG_INVALID
 *   with every problem in one go
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
      ...(found !== undefined && { file: found.file }),
      words,
      flags,
    },
    context,
  );
}
