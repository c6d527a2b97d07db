import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { once } from 'node:events';
import { JitsuError, errorCode, errorMessage } from '../errors.js';
import { makeSafeFolder } from '../files/safe-folder.js';
import { OwnerLock } from '../state/owner-lock.js';

/** The longest socket path in bytes: the size of sun_path (unix(7)), less four for `.new` and one for the NUL. */
const maxPathLength = process.platform === 'linux' ? 103 : 99;

/** What the path to which a socket is bound has behind the one that it gets then. */
export const DRAFT_SUFFIX = '.new';

/**
 * A Unix socket at a path that one process owns at a time. It has mode 0600 from the start, and only its owner removes
 * it, or the next owner if that process has died.
 */
export class ControlSocket {
  readonly #lock: OwnerLock;
  #inode: number | undefined;

  constructor(private readonly path: string) {
    this.#lock = new OwnerLock(path);
  }

  /** @throws JITSU_ALREADY_RUNNING, JITSU_CONTROL_FAILED */
  async listen(server: Server): Promise<void> {
    if (Buffer.byteLength(this.path) > maxPathLength) {
      const advice = `The system takes ${maxPathLength} bytes: choose a shorter path with --control.`;
      throw failed(`The control socket's path ${this.path} is too long. ${advice}`);
    }
    try {
      makeSafeFolder(dirname(this.path));
      // Without the lock, a living owner is still known by its answering socket.
      const owner = this.#lock.acquireUnlessFull();
      if (owner !== undefined) throw alreadyRunning(this.path, `process ${owner.pid}`, owner.pid);
      await this.#checkExisting();
      await this.#bind(server);
    } catch (error) {
      this.#lock.release();
      if (error instanceof JitsuError) throw error;
      const advice = 'Correct that, or choose another path with --control.';
      throw failed(`The control socket ${this.path} cannot be opened: ${errorMessage(error)}. ${advice}`, error);
    }
  }

  /**
   * Removes the socket, unless another process has replaced it meanwhile. In a folder of root, who was given up, it
   * stays; nobody answers there any more, and the next owner replaces it.
   */
  release(): void {
    try {
      if (this.#inode !== undefined && lstatSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode) {
        rmSync(this.path, { force: true });
      }
    } catch (error) {
      if (errorCode(error) !== 'EACCES' && errorCode(error) !== 'EPERM') throw error;
    }
    this.#inode = undefined;
    this.#lock.release();
  }

  /** This process holds the lock, so an existing socket belongs to a dead Jitsu or to another program. */
  async #checkExisting(): Promise<void> {
    const stats = lstatSync(this.path, { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (!stats.isSocket()) {
      throw failed(`${this.path} is no socket. Move it away, or choose another path with --control.`);
    }
    if (await answers(this.path)) throw alreadyRunning(this.path, 'another program');
  }

  /**
   * Binds under another name and renames the socket into place. The rename replaces a dead socket atomically, and
   * closing the server, which removes the path it was bound to, never removes a successor's socket.
   */
  async #bind(server: Server): Promise<void> {
    const draft = `${this.path}${DRAFT_SUFFIX}`;
    rmSync(draft, { force: true });
    const umask = process.umask(0o177);
    try {
      // `listen` binds before it returns, so that nothing else runs with this umask.
      server.listen(draft);
    } finally {
      process.umask(umask);
    }
    await once(server, 'listening');
    chmodSync(draft, 0o600);
    this.#inode = lstatSync(draft).ino;
    renameSync(draft, this.path);
  }
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if (errorCode(error) === 'ECONNREFUSED' || errorCode(error) === 'ENOENT') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

function alreadyRunning(path: string, who: string, pid?: number): JitsuError {
  const how = pid === undefined ? 'End it' : `End it (Ctrl-C, or \`kill ${pid}\`)`;
  const advice = `${how}, or give this one a runtime folder (runtimeDirectory), a control socket (--control) and a port (-l) of its own.`;
  return new JitsuError('JITSU_ALREADY_RUNNING', `The control socket ${path} is in use by ${who}. ${advice}`);
}

function failed(message: string, cause?: unknown): JitsuError {
  return new JitsuError('JITSU_CONTROL_FAILED', message, { cause });
}
