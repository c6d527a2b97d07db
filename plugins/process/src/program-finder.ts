import { errorCode, type Clock } from '@jitsud/core/plugin';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, resolve } from 'node:path';
import { Remembered } from './remembered.js';

/**
 * Where a program was found, or why it cannot be run. One that is missing may come, where its path is known to that. One
 * that is barred may be there for a user with more rights.
 */
export type FoundProgram =
  | { readonly path: string }
  | {
      readonly problem: string;
      readonly isMissing?: boolean;
      readonly isBarred?: boolean;
      readonly expectedAt?: string;
    };

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Finds programs and folders as `execvp` and `chdir` would. */
export class ProgramFinder {
  readonly #programs: Remembered<FoundProgram>;
  readonly #folders: Remembered<boolean | 'barred'>;

  constructor(clock: Clock) {
    this.#programs = new Remembered(clock);
    this.#folders = new Remembered(clock);
  }

  /**
   * Finds a `word` of a command line: a path (relative to `cwd`) where it contains a slash, else a name to look up in
   * `ownPath`, or in Jitsu's own PATH without one.
   */
  find(word: string, cwd: string, ownPath?: string): FoundProgram {
    return this.#programs.get(ownPath === undefined ? [word, cwd] : [word, cwd, ownPath], () => {
      // Read only here: each access to the environment costs more than the rest of a look-up.
      const path = ownPath ?? process.env.PATH ?? SYSTEM_PATH;
      if (word.includes('/')) return check(resolve(cwd, word), word);
      const places = path.split(delimiter).map((folder) => resolve(cwd, folder, word));
      const results = places.map((place) => check(place, word));
      const isBarred = results.some((result) => 'problem' in result && result.isBarred === true);
      const missing = {
        problem: `there is no program '${word}' in ${path}`,
        isMissing: true,
        ...(isBarred && { isBarred }),
      };
      return results.find((result) => 'path' in result) ?? missing;
    });
  }

  /** `barred` where this user may not look. */
  isFolder(path: string): boolean | 'barred' {
    return this.#folders.get([path], () => {
      try {
        return isAbsolute(path) && (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);
      } catch (error) {
        if (errorCode(error) === 'EACCES') return 'barred';
        throw error;
      }
    });
  }
}

function check(path: string, word: string): FoundProgram {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile() ? { path } : { problem: `'${word}' is not a file (${path})` };
  } catch (error) {
    if (errorCode(error) === 'EACCES') {
      return { problem: `'${word}' is not executable (${path})`, isBarred: true, expectedAt: path };
    }
    return { problem: `there is no '${word}' (${path})`, isMissing: true, expectedAt: path };
  }
}
