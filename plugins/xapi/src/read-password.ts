import { errorMessage, JitsuError } from '@jitsud/core/plugin';
import type { KeptFile } from './kept-file.js';

const VARIABLE = 'JITSU_XAPI_PASSWORD';

let fromEnvironment: string | undefined;

/**
 * Takes the password out of the environment, which child processes of Jitsu would inherit, and keeps it for all
 * connections.
 */
export function takePasswordOfEnvironment(): string | undefined {
  const given = process.env[VARIABLE];
  if (given !== undefined && given !== '') {
    fromEnvironment = given;
    // Reflect: the variable must be removed, not set to 'undefined'.
    Reflect.deleteProperty(process.env, VARIABLE);
  }
  return fromEnvironment;
}

/**
 * The password of a connection: from the URI, else from the file (without one line break at its end), else from the
 * environment.
 * @throws JITSU_CONFIG_UNREADABLE for a file that cannot be read
 * @throws JITSU_CONFIG_INVALID where there is none
 */
export async function readPassword(
  url: string,
  ofUri: string | undefined,
  file: KeptFile | undefined,
  ofEnvironment: string | undefined,
): Promise<string> {
  const password = ofUri ?? (file === undefined ? ofEnvironment : await readFrom(file));
  if (password !== undefined && password !== '') return password;
  throw new JitsuError(
    'JITSU_CONFIG_INVALID',
    `There is no password for the pool at ${url}: give it in ${VARIABLE}, in a file (passwordFile), or in the URI.`,
  );
}

async function readFrom(file: KeptFile): Promise<string> {
  try {
    return (await file.read()).replace(/\r?\n$/, '');
  } catch (error) {
    const message = `The password file ${file.path} cannot be read: ${errorMessage(error)}.`;
    throw new JitsuError('JITSU_CONFIG_UNREADABLE', message, { cause: error });
  }
}
