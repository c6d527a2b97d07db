import { pathToFileURL } from 'node:url';
import { errorCode, errorMessage } from '../errors.js';

/** The public faces of the running core. They are imported at run time, since a module of core must not depend on them. */
const FACES = {
  '@jitsud/core': new URL('../index.js', import.meta.url).href,
  '@jitsud/core/plugin': new URL('../plugin.js', import.meta.url).href,
};

/**
 * Imports a file of the user's: JavaScript as Node does it, TypeScript through jiti, and JavaScript that Node does not
 * understand too: jiti takes `export` in a folder without a package.json, and says in which line a mistake is. Wherever
 * the file lies, `@jitsud/core` means the installed one, or else the one that runs. Nothing is written to the disk.
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
  // An export that is not there is a syntax error for Node; jiti would go on without it, to fail later and less clearly.
  return error instanceof SyntaxError && !error.message.includes('does not provide an export');
}
