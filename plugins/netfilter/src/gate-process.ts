import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage, findTool, JitsuError, minimalEnvironment, spawnChild } from '@jitsud/core/plugin';
import { findGateUser } from './gate-user.js';
import { ownCapabilities } from './own-capabilities.js';
import { LineStream } from './gate/line-stream.js';
import { checkReport, type Order, type Report } from './gate/messages.js';

const PROGRAM = new URL('./gate/gate-program.js', import.meta.url);

/**
 * Starts the gate again when it dies, at first at once. It ends when the gate does so by itself: with 0 since Jitsu has
 * ended, with 3 since it cannot work.
 */
const KEEP = `trap '' INT TERM HUP
deaths=0
while :; do
  begin=$(date +%s)
  "$@"
  status=$?
  case $status in 0 | 3) exit $status ;; esac
  printf '\n{"died":true}\n' >&3
  [ $(($(date +%s) - begin)) -lt 60 ] || deaths=0
  case $deaths in 0) ;; 1) sleep 1 ;; 2) sleep 5 ;; *) sleep 15 ;; esac
  deaths=$((deaths + 1))
done`;

/** How many threads Node's pool has by itself. */
const USUAL_THREADS = 4;

export interface GateListener {
  /** A gate has started, and waits for its first orders. */
  hello(nonce: string): void;
  report(report: Exclude<Report, { readonly hello: string }>): void;
  /** There is no gate, and there will be none. */
  end(reason: Error): void;
}

/** The process that holds packets, and is started again when it dies; it ends with Jitsu. */
export class GateProcess {
  readonly #keeper: ChildProcess;
  readonly #socket: Socket;
  readonly #stream: LineStream;
  #isClosed = false;

  /** @param bridges on how many it answers @throws JITSU_DOORMAN_FAILED where it cannot be started */
  constructor(
    private readonly listener: GateListener,
    bridges: number,
  ) {
    const setpriv = findTool('setpriv');
    if (setpriv === undefined) {
      const message = 'The gate of the netfilter plugin is started by setpriv, and there is none: install util-linux.';
      throw new JitsuError('JITSU_DOORMAN_FAILED', message);
    }
    const remembered = unlinkedFile();
    try {
      this.#keeper = spawnChild(PROGRAM, {
        through: [setpriv, ...privileges(), '--', '/bin/sh', '-c', KEEP, 'sh'],
        stdio: ['ignore', 'ignore', 'inherit', 'pipe', remembered],
        // A thread waits for packets, one for frames, and one on each bridge.
        env: { ...minimalEnvironment(), UV_THREADPOOL_SIZE: String(USUAL_THREADS + bridges) },
      });
    } finally {
      closeSync(remembered);
    }
    this.#socket = this.#keeper.stdio[3] as Socket;
    this.#stream = new LineStream(
      this.#socket,
      (message) => this.#take(message),
      () => this.#end(new Error('the gate has ended')),
    );
    this.#keeper.on('error', (error) => this.#end(error));
    this.#keeper.unref();
    this.#socket.unref();
  }

  /** @returns whether it will reach the gate */
  send(order: Order): boolean {
    return this.#stream.send(order);
  }

  /** To be called before the first order to a gate that has said hello. */
  breakLine(): void {
    this.#stream.breakLine();
  }

  /** While somebody waits for an answer, Jitsu does not end by itself. */
  holdOpen(open: boolean): void {
    if (open) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Ends it: nothing is held from now on. Resolves when it has ended. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { exitCode, signalCode } = this.#keeper;
    const ended = new Promise((resolve) => this.#keeper.once('exit', resolve));
    this.#socket.end();
    if (exitCode !== null || signalCode !== null) return;
    this.#keeper.ref();
    await ended;
  }

  #take(message: unknown): void {
    const report = checkReport(message);
    if (report === undefined) return;
    if ('hello' in report) this.listener.hello(report.hello);
    else this.listener.report(report);
  }

  #end(error: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.listener.end(error);
  }
}

/** The words by which setpriv(1) takes away all that the gate does not need. @throws JITSU_DOORMAN_DENIED */
export function privileges(): string[] {
  const own = ownCapabilities();
  if (!own.has('net_admin')) {
    const message =
      'The netfilter plugin holds packets by a process that needs CAP_NET_ADMIN, and Jitsu does not have it. Start Jitsu as root, which it gives up, or add AmbientCapabilities=CAP_NET_ADMIN to its systemd unit.';
    throw new JitsuError('JITSU_DOORMAN_DENIED', message);
  }
  const kept = ['-all', '+net_admin', ...(own.has('net_raw') ? ['+net_raw'] : [])].join();
  const words = ['--no-new-privs', `--inh-caps=${kept}`, `--ambient-caps=${kept}`];
  if (own.has('setpcap')) words.push(`--bounding-set=${kept}`);
  const user = process.geteuid?.() === 0 && own.has('setuid') && own.has('setgid') ? findGateUser() : undefined;
  return user === undefined ? words : [...words, `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
}

/** A file that only those have who inherit it. */
function unlinkedFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'jitsu-gate-'));
  try {
    const path = join(folder, 'allowed');
    const file = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return file;
  } catch (error) {
    throw new JitsuError(
      'JITSU_DOORMAN_FAILED',
      `The gate of the netfilter plugin cannot be started: ${errorMessage(error)}.`,
      { cause: error },
    );
  } finally {
    rmdirSync(folder);
  }
}
