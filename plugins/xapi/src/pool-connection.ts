import { BackOff, JitsuError, untilAborted, type Clock, type Logger } from '@jitsud/core/plugin';
import { apiFailure } from './api-failure.js';
import { connectionAdvice, connectionFailure } from './connection-advice.js';
import { codeFor, endsSession } from './failure-advice.js';
import type { PoolAccess } from './pool-client.js';
import { PoolHosts } from './pool-hosts.js';
import { PoolSession, type SessionListener } from './pool-session.js';

/** In milliseconds. A pool that is back is to be noticed within a second; one that refuses us is not pestered. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 1_000;
const PAUSE_WHEN_DENIED = 15_000;

export interface PoolListener extends SessionListener {
  /** From now on calls reject at once. */
  onLost(reason: JitsuError): void;
}

/** The way to one pool: kept open, and opened again, after a pause, when it is lost. */
export class PoolConnection {
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  readonly #hosts: PoolHosts;
  /** The UUID of the pool that was found at {@link url}. */
  #pool: string | undefined;
  #session: PoolSession | undefined;
  /** Why there is no session. */
  #absence: JitsuError;
  /** Present while it is meant to be open. */
  #wanted: AbortController | undefined;

  /** `access` is asked for at each login, so that a password that has changed is taken up. */
  constructor(
    readonly url: string,
    private readonly access: () => Promise<Omit<PoolAccess, 'url'>>,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly listener: PoolListener,
  ) {
    this.#hosts = new PoolHosts(url);
    this.#absence = this.#notConnected();
  }

  /** @throws JITSU_BACKEND_UNREACHABLE while it is lost */
  get session(): PoolSession {
    if (!this.#session) throw this.#absence;
    return this.#session;
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_CONFIG_INVALID, JITSU_CONFIG_UNREADABLE */
  async open(): Promise<void> {
    if (this.#wanted) return;
    const wanted = new AbortController();
    this.#wanted = wanted;
    try {
      const session = await this.#openSession(this.url);
      if (wanted.signal.aborted) return await session.end();
      this.#take(session);
    } catch (error) {
      if (this.#wanted === wanted) this.#wanted = undefined;
      throw this.#unreachable(error);
    }
  }

  /** Logs out; the VMs run on. */
  async close(): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = undefined;
    const session = this.#session;
    this.#session = undefined;
    this.#absence = this.#notConnected();
    await session?.end();
  }

  /**
   * Has the pool do something. Rejects with what xen-api throws for a refusal.
   * @throws JITSU_BACKEND_UNREACHABLE while the connection is lost, and when it gets lost meanwhile
   */
  async call(method: string, ...parameters: readonly unknown[]): Promise<unknown> {
    return this.use((session) => session.call(method, ...parameters));
  }

  /** As {@link call}, for anything that a session does. */
  async use<T>(action: (session: PoolSession) => Promise<T>): Promise<T> {
    const { session } = this;
    try {
      return await untilAborted(action(session), session.lost);
    } catch (error) {
      if (isFatal(error)) this.#lose(session, error);
      throw this.#session === session ? error : this.#absence;
    }
  }

  async #openSession(url: string): Promise<PoolSession> {
    const session = await PoolSession.open({ ...(await this.access()), url }, this.clock, this.listener);
    if (url !== this.url && session.poolUuid !== this.#pool) {
      await session.end();
      // The host was taken out of the pool: that it does not know our VMs says nothing about them.
      throw new Error(`${url} belongs to another pool now`);
    }
    this.#pool = session.poolUuid;
    this.#hosts.learn(session.hosts);
    return session;
  }

  #take(session: PoolSession): void {
    this.#session = session;
    const { lost } = session;
    const lose = (): void => this.#lose(session, lost.reason);
    if (lost.aborted) lose();
    else lost.addEventListener('abort', lose, { once: true });
  }

  #lose(session: PoolSession, reason: unknown): void {
    if (this.#session !== session || !this.#wanted) return;
    this.#session = undefined;
    // What cannot be closed properly is gone with its other side.
    session.end().catch(() => undefined);
    this.#absence = this.#unreachable(reason, this.#pauseAfter(reason, 1));
    this.logger.warn({ pool: this.url }, this.#absence.message);
    this.listener.onLost(this.#absence);
    void this.#reconnect(this.#wanted.signal, reason);
  }

  /** Never rejects: it ends when the pool is back, or when nobody wants it any more. */
  async #reconnect(wanted: AbortSignal, why: unknown): Promise<void> {
    let reason = why;
    for (let failures = 1; ; failures += 1) {
      await this.clock.sleep(this.#pauseAfter(reason, failures), wanted).catch(() => undefined);
      if (wanted.aborted) return;
      const url = this.#hosts.forAttempt(failures - 1);
      const session = await this.#openSession(url).catch((error: unknown) => {
        reason = error;
        this.#absence = this.#unreachable(error, this.#pauseAfter(error, failures + 1));
      });
      if (!session) continue;
      if (this.#wanted?.signal !== wanted) return session.end();
      this.#take(session);
      const where = url === this.url ? '' : `, at ${url}`;
      this.logger.info({ pool: this.url }, `The pool at ${this.url} answers again${where}`);
      return this.listener.onAll();
    }
  }

  #pauseAfter(reason: unknown, failures: number): number {
    const code = apiFailure(reason)?.code ?? '';
    return codeFor(code) === 'JITSU_BACKEND_DENIED' ? PAUSE_WHEN_DENIED : this.#backOff.after(failures);
  }

  #notConnected(): JitsuError {
    return new JitsuError('JITSU_BACKEND_UNREACHABLE', `The pool at ${this.url} is not connected.`);
  }

  #unreachable(error: unknown, retryIn?: number): JitsuError {
    if (error instanceof JitsuError) return error;
    const isDenied = codeFor(apiFailure(error)?.code ?? '') === 'JITSU_BACKEND_DENIED';
    const what = isDenied ? 'does not let us in' : 'does not answer';
    const again =
      retryIn === undefined
        ? ''
        : ` Its unikernels answer SERVFAIL until it is back; trying again in ${Math.ceil(retryIn / 1_000)} s.`;
    const message = `The pool at ${this.url} ${what}: ${connectionFailure(error)}. ${connectionAdvice(error)}${again}`;
    const code = isDenied ? 'JITSU_BACKEND_DENIED' : 'JITSU_BACKEND_UNREACHABLE';
    return new JitsuError(code, message, { cause: error });
  }
}

/** Whether the session is of no use any more; an error without a code of XAPI's is one of the way there. */
function isFatal(error: unknown): boolean {
  if (error instanceof JitsuError) return false;
  const failure = apiFailure(error);
  return failure === undefined || endsSession(failure.code);
}
