import { basename, dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cosmiconfig } from 'cosmiconfig';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { importModule } from '../plugins/import-module.js';
import { isPluginField, SEARCH_PLACES } from './find-config-file.js';
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
 * @throws JITSU_CONFIG_NOT_FOUND if there is neither a file nor words, JITSU_CONFIG_UNREADABLE, and
 *   JITSU_CONFIG_INVALID with all problems
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

interface ConfigFile {
  /** The absolute path of the file. */
  readonly file: string;
  /** Its content, with promises and functions resolved. */
  readonly config: unknown;
}

/**
 * Finds and reads the configuration file of a folder, or the named file. Parent folders are not searched.
 * @throws JITSU_CONFIG_NOT_FOUND for a named file that does not exist, JITSU_CONFIG_UNREADABLE for one that cannot be
 *   read or executed, with file and line if known
 */
async function readConfigFile(directory: string, file?: string): Promise<ConfigFile | undefined> {
  const explorer = cosmiconfig('jitsu', {
    searchPlaces: [...SEARCH_PLACES],
    searchStrategy: 'none',
    cache: false,
    loaders: Object.fromEntries(
      ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'].map((extension) => [extension, defaultExport]),
    ),
  });
  let found: Awaited<ReturnType<typeof explorer.load>>;
  try {
    found = file === undefined ? await explorer.search(directory) : await explorer.load(file);
  } catch (error) {
    throw unreadable(error, directory, file);
  }
  if (found === null) return undefined;
  if (file === undefined && basename(found.filepath) === 'package.json' && isPluginField(found.config))
    return undefined;
  return { file: found.filepath, config: found.config as unknown };
}

async function defaultExport(file: string): Promise<unknown> {
  const module = await importModule(file);
  if (!('default' in module))
    throw new Error('it has no default export; end it with: export default defineConfig({ … })');
  const { default: exported } = module;
  return await (typeof exported === 'function' ? (exported as () => unknown)() : exported);
}

function unreadable(error: unknown, directory: string, named: string | undefined): JitsuError {
  if (named !== undefined && errorCode(error) === 'ENOENT' && errorMessage(error).includes(named)) {
    return new JitsuError('JITSU_CONFIG_NOT_FOUND', `There is no configuration file ${named}.`, { cause: error });
  }
  const file = fileOf(error) ?? named;
  const place = placeOf(error, file === undefined ? directory : dirname(file)) ?? file ?? directory;
  const reason = errorMessage(error).startsWith('No loader specified')
    ? 'the ending is that of no configuration; there are .ts, .mts, .cts, .js, .mjs, .cjs, .json, .yaml and .yml'
    : errorMessage(error);
  // YAML and TypeScript errors include the place in their message.
  const message = file !== undefined && reason.includes(file) ? reason : `${place}: ${reason}`;
  return new JitsuError('JITSU_CONFIG_UNREADABLE', `The configuration cannot be read: ${message}`, { cause: error });
}

/** The file that cosmiconfig was reading. */
function fileOf(error: unknown): string | undefined {
  const { filepath } = (error ?? {}) as { readonly filepath?: unknown };
  return typeof filepath === 'string' ? filepath : undefined;
}

/** `file:line:column` of the first place in an error's stack that belongs to the configuration. */
function placeOf(error: unknown, folder: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const [, url, line, column] of stack.matchAll(/((?:file:\/\/)?\/[^\s():]+):(\d+)(?::(\d+))?/g)) {
    const file = url?.startsWith('file:') ? fileURLToPath(url) : url;
    if (file === undefined || file.includes('/node_modules/') || relative(folder, file).startsWith('..')) continue;
    return [file, line, column].filter((part) => part !== undefined).join(':');
  }
  return undefined;
}
