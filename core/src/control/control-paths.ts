import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JitsuError, errorMessage } from '../errors.js';

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
 * @throws JITSU_CONTROL_FAILED if it cannot be created, is a link or a file, belongs to another user, or is writable by
 *   others
 */
export function ensureRuntimeDirectory(path: string): void {
  const { stats, error } = makeFolder(path);
  const uid = process.getuid?.();
  const refuse = (what: string) => {
    const advice = 'Remove it, or configure another folder (runtimeDirectory).';
    return new JitsuError('JITSU_CONTROL_FAILED', `The runtime folder ${path} ${what}. ${advice}`, { cause: error });
  };
  if (stats === undefined) throw refuse(`cannot be made: ${errorMessage(error)}`);
  if (stats.isSymbolicLink()) throw refuse('is a symbolic link, which others may point elsewhere');
  if (!stats.isDirectory()) throw refuse('is not a folder');
  if (uid !== undefined && stats.uid !== uid) {
    throw refuse(`belongs to the user with the number ${stats.uid}, and Jitsu runs as ${uid}`);
  }
  if ((stats.mode & 0o022) !== 0) throw refuse('may be written by others (chmod go-w makes it safe)');
}

function makeFolder(path: string): { stats?: Stats; error?: unknown } {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return { stats: lstatSync(path) };
  } catch (error) {
    return { ...statsOf(path), error };
  }
}

/** Without `stats` if the folder does not exist or the folders above do not permit `lstat`. */
function statsOf(path: string): { stats?: Stats } {
  try {
    return { stats: lstatSync(path) };
  } catch {
    return {};
  }
}
