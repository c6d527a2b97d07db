import { lstatSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { JitsuError, errorMessage } from '../errors.js';
import { makeSafeFolder, UnsafePath } from '../files/safe-folder.js';

/**
 * The default runtime directory: the one given by systemd, root's, the session's (XDG), or one in the temporary folder.
 */
export function defaultRuntimeDirectory(env: NodeJS.ProcessEnv = process.env): string {
  // systemd.exec(5): several directories are separated by colons.
  const given = env['RUNTIME_DIRECTORY']?.split(':')[0];
  if (given) return given;
  const uid = process.getuid?.();
  if (uid === 0) return process.platform === 'linux' ? '/run/jitsu' : '/var/run/jitsu';
  if (env['XDG_RUNTIME_DIR']) return join(env['XDG_RUNTIME_DIR'], 'jitsu');
  return join(tmpdir(), `jitsu-${uid ?? 'user'}`);
}

export function defaultControlSocket(runtimeDirectory: string = defaultRuntimeDirectory()): string {
  return join(runtimeDirectory, 'control.sock');
}

/**
 * Creates the folder (mode 0700) if missing, and checks that no other user can write to it or replace it.
 *
 * @throws JITSU_CONTROL_FAILED if it cannot be created, is a link or a file, belongs to another user, or may be written
 *   or replaced by others
 */
export function ensureRuntimeDirectory(path: string): void {
  const error = failureOf(() => makeSafeFolder(path));
  const refuse = (what: string) => {
    const advice = 'Remove it, or configure another folder (runtimeDirectory).';
    return new JitsuError('JITSU_CONTROL_FAILED', `The runtime folder ${path} ${what}. ${advice}`, { cause: error });
  };
  const stats = statsOf(path);
  if (stats?.isSymbolicLink()) throw refuse('is a symbolic link, which others may point elsewhere');
  if (stats?.isDirectory() === false) throw refuse('is not a folder');
  const uid = process.getuid?.();
  if (stats !== undefined && uid !== undefined && stats.uid !== uid) {
    throw refuse(`belongs to the user with the number ${stats.uid}, and Jitsu runs as ${uid}`);
  }
  if (error instanceof UnsafePath) {
    const { path: place, problem } = error.place;
    throw refuse(place === resolve(path) ? problem : `is not safe, since ${place} ${problem}`);
  }
  if (error !== undefined) throw refuse(`cannot be made: ${errorMessage(error)}`);
}

function failureOf(action: () => void): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Undefined if the folder does not exist or the folders above do not permit `lstat`. */
function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
