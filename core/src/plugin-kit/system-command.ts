import { fileURLToPath } from 'node:url';
import { CLOSE_INHERITED, inheritedFiles } from './fork-child.js';
import { minimalEnvironment } from './child-environment.js';

const PROGRAM = new URL('./system-command-program.js', import.meta.url);

/** What execFile and spawnSync of Node take. */
interface SystemCommand {
  readonly file: string;
  readonly words: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * How to execute a program of the system that holds the files of its `stdio` only, as `forkChild` does it, and no
 * variable that may be a secret. Where a library has opened files that it would inherit, Node closes them first, which
 * takes the time of a start of Node.
 */
export function systemCommand(
  file: string,
  words: readonly string[],
  further: Readonly<Record<string, string>> = {},
): SystemCommand {
  const env = { ...minimalEnvironment(), ...further };
  const inherited = inheritedFiles();
  if (Object.keys(inherited).length === 0) return { file, words, env };
  return {
    file: process.execPath,
    words: ['--import', CLOSE_INHERITED, fileURLToPath(PROGRAM), file, ...words],
    env: { ...env, JITSU_INHERITED_FILES: JSON.stringify(inherited) },
  };
}
