import { chmodSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { once } from 'node:events';
import { JitsuError, errorCode, errorMessage } from '../errors.js';
import { OwnerLock } from '../state/owner-lock.js';

/** The longest path of a socket, in bytes: what sun_path holds (unix(7)), less the four of a draft's `.new` and its end. */
const longestPath = process.platform === 'linux' ? 103 : 99;

/**
 * The place of a Unix socket that belongs to one process at a time: mode 0600 from its first moment, and removed by
 * nobody but its owner, or the next one after the owner's death.
 */
export class ControlSocket {
  readonly #lock: OwnerLock;
  #inode: number | undefined;

  constructor(private readonly path: string) {
    this.#lock = new OwnerLock(path);
  }

  /** @throws JITSU_ALREADY_RUNNING, JITSU_CONTROL_FAILED */
  async listen(server: Server): Promise<void> {
    if (Buffer.byteLength(this.path) > longestPath) {
      const advice = `The system takes ${longestPath} bytes: choose a shorter path with --control.`;
      throw failed(`The control socket's path ${this.path} is too long. ${advice}`);
    }
    try {
      if (!existsSync(dirname(this.path))) mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      const owner = this.#lock.acquire();
      if (owner !== undefined) throw alreadyRunning(this.path, `process ${owner.pid}`, owner.pid);
      await this.#makeWay();
      await this.#bind(server);
    } catch (error) {
      this.#lock.release();
      if (error instanceof JitsuError) throw error;
      const advice = 'Correct that, or choose another path with --control.';
      throw failed(`The control socket ${this.path} cannot be opened: ${errorMessage(error)}. ${advice}`, error);
    }
  }

  /** Removes the socket, unless another one lies there by now. */
  release(): void {
    if (this.#inode !== undefined && lstatSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode) {
      rmSync(this.path, { force: true });
    }
    this.#inode = undefined;
    this.#lock.release();
  }

  /** The lock is ours, so a socket that lies there is a dead Jitsu's, or not Jitsu's at all. */
  async #makeWay(): Promise<void> {
    const stats = lstatSync(this.path, { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (!stats.isSocket()) {
      throw failed(`${this.path} is no socket. Move it away, or choose another path with --control.`);
    }
    if (await answers(this.path)) throw alreadyRunning(this.path, 'another program');
  }

  /**
   * Bound under another name and then put in place: that replaces a dead one's at once, and closing the server, which
   * removes what it has bound, never removes a successor's.
   */
  async #bind(server: Server): Promise<void> {
    const draft = `${this.path}.new`;
    rmSync(draft, { force: true });
    const umask = process.umask(0o177);
    try {
      // It binds before it returns: nothing else runs with this umask.
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
  const advice = `${how}, or start this one with --control PATH and another port (-l).`;
  return new JitsuError('JITSU_ALREADY_RUNNING', `The control socket ${path} is in use by ${who}. ${advice}`);
}

function failed(message: string, cause?: unknown): JitsuError {
  return new JitsuError('JITSU_CONTROL_FAILED', message, { cause });
}
