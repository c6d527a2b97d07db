import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { defaultLoaders } from 'cosmiconfig';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { withoutByteOrderMark } from '../files/byte-order-mark.js';
import { distrustModule } from '../plugins/distrust-module.js';
import { importModule } from '../plugins/import-module.js';
import type { LineOf } from './config-lines.js';
import { isPluginField, SEARCH_PLACES } from './config-places.js';
import { loadYaml } from './load-yaml.js';

export interface ConfigFile {
  /** The absolute path of the file. */
  readonly file: string;
  /** Its content, with promises and functions resolved. */
  readonly config: unknown;
  /** Finds its lines, for messages; `undefined` for a module. The file is read again: few have mistakes. */
  readonly lines: () => Promise<LineOf | undefined>;
}

type Loader = (file: string, text: string) => unknown;

// cosmiconfig itself would execute a `.config/config.js` in the folder where Jitsu is called, to learn how to search.
const LOADERS: Readonly<Record<string, Loader>> = {
  ...Object.fromEntries(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'].map((extension) => [extension, defaultExport])),
  '.json': defaultLoaders['.json'],
  '.yaml': loadYaml,
  '.yml': loadYaml,
  '': loadYaml,
};

/** The endings of what is not executed. */
const HAVE_LINES = ['.json', '.yaml', '.yml', ''];

const NO_LOADER =
  'the ending is that of no configuration; there are .ts, .mts, .cts, .js, .mjs, .cjs, .json, .yaml and .yml';

/** What keeps a file of a folder from being its configuration. */
const PASSED_OVER: readonly unknown[] = ['ENOENT', 'EISDIR', 'ENOTDIR', 'EACCES'];

/**
 * Finds and reads the configuration file of a folder, or the named file. Parent folders are not searched.
 * @throws JITSU_CONFIG_NOT_FOUND for a named file that does not exist, JITSU_CONFIG_UNSAFE for one that is not for root,
 *   JITSU_CONFIG_UNREADABLE for one that cannot be read or executed, with file and line if known
 */
export async function readConfigFile(directory: string, named?: string): Promise<ConfigFile | undefined> {
  if (named !== undefined) {
    const text = await readFile(named, 'utf8').catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw unreadable(error, named);
      throw new JitsuError('JITSU_CONFIG_NOT_FOUND', `There is no configuration file ${named}.`, { cause: error });
    });
    return { file: named, config: await load(named, withoutByteOrderMark(text)), lines: () => linesOf(named) };
  }
  for (const file of SEARCH_PLACES.map((name) => join(directory, name))) {
    const text = await textOf(file);
    if (text.trim() === '') continue;
    const config = await load(file, text);
    if (!isPackage(file) || (config !== undefined && !isPluginField(config)))
      return { file, config, lines: () => linesOf(file) };
  }
  return undefined;
}

/** Empty for what is no file; reading a pipe might never end. */
async function textOf(file: string): Promise<string> {
  try {
    return (await stat(file)).isFile() ? withoutByteOrderMark(await readFile(file, 'utf8')) : '';
  } catch (error) {
    if (PASSED_OVER.includes(errorCode(error))) return '';
    throw unreadable(error, file);
  }
}

/** `undefined` for an empty file, and for a package.json without the key. */
async function load(file: string, text: string): Promise<unknown> {
  // What others write into a package.json for other programs does not matter.
  if (!isPackage(file)) refuseUnsafe(file);
  if (text.trim() === '') return undefined;
  let content: unknown;
  try {
    const loader = LOADERS[extname(file)];
    if (loader === undefined) throw new Error(NO_LOADER);
    content = await loader(file, text);
  } catch (error) {
    throw unreadable(error, file);
  }
  if (!isPackage(file)) return content;
  const { jitsu } = (content ?? {}) as { readonly jitsu?: unknown };
  if (jitsu !== undefined && !isPluginField(jitsu)) refuseUnsafe(file);
  return jitsu;
}

async function linesOf(file: string): Promise<LineOf | undefined> {
  if (!HAVE_LINES.includes(extname(file))) return undefined;
  try {
    // What is no file, such as a pipe, has been read to its end.
    if (!(await stat(file)).isFile()) return undefined;
    const [{ configLines }, text] = await Promise.all([import('./config-lines.js'), readFile(file, 'utf8')]);
    return configLines(text, isPackage(file) ? ['jitsu'] : []);
  } catch {
    // It has gone since it was read.
    return undefined;
  }
}

function isPackage(file: string): boolean {
  return basename(file) === 'package.json';
}

function refuseUnsafe(file: string): void {
  const reason = distrustModule(file);
  if (reason === undefined) return;
  throw new JitsuError('JITSU_CONFIG_UNSAFE', `Root does not take the configuration ${file}: ${reason}`);
}

async function defaultExport(file: string): Promise<unknown> {
  const module = await importModule(file);
  if (!('default' in module))
    throw new Error('it has no default export; end it with: export default defineConfig({ … })');
  const { default: exported } = module;
  return await (typeof exported === 'function' ? (exported as () => unknown)() : exported);
}

function unreadable(error: unknown, file: string): JitsuError {
  const isTooDeep = error instanceof RangeError && error.message.includes('Maximum call stack');
  const reason = isTooDeep ? 'it is nested too deeply' : (jsonMistake(error) ?? errorMessage(error));
  // YAML and TypeScript errors include the place in their message.
  const message = reason.includes(file) ? reason : `${placeOf(error, dirname(file)) ?? file}: ${reason}`;
  return new JitsuError('JITSU_CONFIG_UNREADABLE', `The configuration cannot be read: ${message}`, { cause: error });
}

/** What is wrong with JSON, and the lines around it: the message of the parser has them twice. */
function jsonMistake(error: unknown): string | undefined {
  const { codeFrame: lines } = error as { readonly codeFrame?: unknown };
  if (typeof lines !== 'string') return undefined;
  const said = errorMessage(error).replaceAll(lines, '').replace(/\s+/g, ' ').trim();
  // The parser colours the lines where it finds a terminal, and the message may go to a log.
  return stripVTControlCharacters(`${said}:\n\n${lines}`);
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
