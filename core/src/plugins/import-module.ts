import { pathToFileURL } from 'node:url';
import { errorCode, errorMessage } from '../errors.js';

/**
 * The entry points of the running core. They are imported at run time, since core's modules must not depend on them.
 */
const FACES = {
  '@jitsud/core': new URL('../index.js', import.meta.url).href,
  '@jitsud/core/plugin': new URL('../plugin.js', import.meta.url).href,
};

/**
 * Imports one of the user's files. Node imports JavaScript; jiti imports TypeScript, and JavaScript that Node cannot
 * parse: it accepts `export` in a folder without a package.json, and tells the line of a syntax error. Wherever the
 * file is, `@jitsud/core` means the installed core, or else the running one. Nothing is written to the disk.
 */
export async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  if (!/\.[cm]?ts$/.test(file)) {
    try {
      return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    } catch (error) {
      if (!isCoreMissing(error) && !isUnparsable(error)) throw error;
    }
  }
  const faces = Object.entries(FACES).map(async ([name, url]) => [name, (await import(url)) as unknown] as const);
  const [{ createJiti }, ...modules] = await Promise.all([import('jiti'), ...faces]);
  const jiti = createJiti(pathToFileURL(file).href, {
    fsCache: false,
    interopDefault: false,
    sourceMaps: true,
    virtualModules: Object.fromEntries(modules),
  });
  return jiti.import(file);
}

function isCoreMissing(error: unknown): boolean {
  return errorCode(error) === 'ERR_MODULE_NOT_FOUND' && errorMessage(error).includes("'@jitsud/core'");
}

function isUnparsable(error: unknown): boolean {
  // Node reports a missing export as a syntax error; jiti would continue, and fail later with a less clear message.
  return error instanceof SyntaxError && !error.message.includes('does not provide an export');
}
