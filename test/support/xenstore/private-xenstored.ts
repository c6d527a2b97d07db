import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { SystemClock } from '#core/clock.js';
import type { Milliseconds } from '#core/contracts/milliseconds.js';
import { Connection } from '#xenstore/connection.js';
import { decodeAcknowledgement, encodeStrings } from '#xenstore/payload.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { prepareXenstored, type XenstoredProgram } from './xenstored-program.js';

const STARTING: Milliseconds = 10_000;
const INTRODUCE = 8;

/** What becomes of a domain: `''` while it runs. */
export type DomainState = '' | 'shutdown' | 'crashed' | 'dying';

/** A real xenstored of the test's own, in a folder of its own, with domains that are whatever the test says. */
export class PrivateXenstored implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly socket = this.#folder.in('socket');
  #daemon: ChildProcess | undefined;

  private constructor(private readonly program: XenstoredProgram) {
    mkdirSync(this.#folder.in('domains'));
  }

  /** Skips the suite where there can be none. */
  static async start(context: Mocha.Context): Promise<PrivateXenstored> {
    const daemon = new PrivateXenstored(await prepareXenstored(context));
    await daemon.start();
    return daemon;
  }

  /** Starts it, after a {@link kill} with an empty store. */
  async start(): Promise<void> {
    const daemon = spawn(this.program.path, ['--no-fork', '--output-pid'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        LD_LIBRARY_PATH: this.program.libraries,
        XENSTORED_RUNDIR: this.#folder.path,
        JITSU_TEST_DOMAINS: this.#folder.in('domains'),
      },
    });
    this.#daemon = daemon;
    // It prints its pid when its socket is there.
    const first = once(daemon.stdout, 'data', { signal: AbortSignal.timeout(STARTING) });
    const ended = once(daemon, 'exit').then(([status]) => {
      throw new Error(`xenstored ended with ${String(status)}`);
    });
    ended.catch(() => undefined);
    await Promise.race([first, ended]);
  }

  /** Ends it at once, and all connections with it. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon?.exitCode !== null || daemon.signalCode !== null) return;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
  }

  /** Makes it take connections, and say nothing, until it is continued. */
  freeze(): void {
    this.#daemon?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#daemon?.kill('SIGCONT');
  }

  /** Tells xenstored of a domain, as a toolstack does that has just created it. */
  async introduce(domainId: number): Promise<void> {
    this.setDomain(domainId, '');
    const connection = await Connection.open(this.socket, new SystemClock(), () => undefined);
    try {
      await connection.request({
        type: INTRODUCE,
        action: `introduce domain ${domainId}`,
        payload: encodeStrings(String(domainId), '0', '1'),
        decode: decodeAcknowledgement,
      });
    } finally {
      await connection.close();
    }
  }

  setDomain(domainId: number, state: DomainState): void {
    writeFileSync(this.#folder.in('domains', String(domainId)), state);
  }

  /** As the hypervisor does with one that is destroyed. */
  removeDomain(domainId: number): void {
    rmSync(this.#folder.in('domains', String(domainId)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.#folder[Symbol.dispose]();
  }
}
