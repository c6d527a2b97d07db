import { BackOff, JitsuError, Reconnecting, untilAborted, type Clock, type Logger } from '@jitsud/core/plugin';
import { apiFailure } from './api-failure.js';
import { connectionAdvice, connectionFailure, willLast } from './connection-advice.js';
import { codeFor, endsSession } from './failure-advice.js';
import type { PoolAccess } from './pool-client.js';
import { PoolHosts } from './pool-hosts.js';
import { PoolSession, type SessionListener } from './pool-session.js';

/**
 * In milliseconds. A pool that is back is to be noticed within a second; one that denies access is asked less often.
 */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 1_000;
const PAUSE_WHEN_DENIED = 15_000;

export interface PoolListener extends SessionListener {
  /** Calls reject at once from now on. */
  onLost(reason: string): void;
}

/** The connection to one pool: kept open, and reopened after a pause when it is lost. */
export class PoolConnection {
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  readonly #hosts: PoolHosts;
  readonly #sessions: Reconnecting<PoolSession>;
  /** The UUID of the pool at {@link url}. */
  #pool: string | undefined;

  /** @param access called for each login, so that a changed password is read */
  constructor(
    readonly url: string,
    private readonly access: () => Promise<Omit<PoolAccess, 'url'>>,
    private readonly clock: Clock,
    logger: Logger,
    private readonly listener: PoolListener,
  ) {
    this.#hosts = new PoolHosts(url);
    this.#sessions = new Reconnecting(clock, {
      open: (failures) => this.#openSession(failures === 0 ? url : this.#hosts.forAttempt(failures - 1)),
      close: (session) => session.end(),
      follow: ({ lost }, lose) => {
        if (lost.aborted) lose(lost.reason);
        else lost.addEventListener('abort', () => lose(lost.reason), { once: true });
      },
      pause: (failures, reason) => this.#pauseAfter(reason, failures),
      absence: (reason, retryIn) => this.#unreachable(reason, retryIn),
      notOpen: () => new JitsuError('JITSU_BACKEND_UNREACHABLE', `The pool at ${url} is not connected.`),
      onLost: ({ message }) => {
        logger.warn({ pool: url }, message);
        listener.onLost(message);
      },
      onBack: (session) => {
        const where = session.url === url ? '' : `, at ${session.url}`;
        logger.info({ pool: url }, `The pool at ${url} answers again${where}`);
        listener.onAll();
      },
    });
  }

  /** @throws JITSU_BACKEND_UNREACHABLE while it is lost */
  get session(): PoolSession {
    return this.#sessions.session;
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED, JITSU_CONFIG_INVALID, JITSU_CONFIG_UNREADABLE */
  open(): Promise<void> {
    return this.#sessions.open();
  }

  /** Logs out; the VMs keep running. */
  close(): Promise<void> {
    return this.#sessions.close();
  }

  /**
   * Calls the pool. Rejects with xen-api's error for a refusal.
   * @throws JITSU_BACKEND_UNREACHABLE while the connection is lost, and when it is lost meanwhile
   */
  call(method: string, ...parameters: readonly unknown[]): Promise<unknown> {
    return this.use((session) => session.call(method, ...parameters));
  }

  /** As {@link call}, for any use of a session. */
  use<T>(action: (session: PoolSession) => Promise<T>): Promise<T> {
    return this.#sessions.use((session) => untilAborted(action(session), session.lost), isFatal);
  }

  async #openSession(url: string): Promise<PoolSession> {
    const session = await PoolSession.open({ ...(await this.access()), url }, this.clock, this.listener);
    if (url !== this.url && session.poolUuid !== this.#pool) {
      await session.end();
      // The host was removed from the pool: that it does not know our VMs says nothing about them.
      throw new Error(`${url} belongs to another pool now`);
    }
    this.#pool = session.poolUuid;
    this.#hosts.learn(session.hosts);
    return session;
  }

  #pauseAfter(reason: unknown, failures: number): number {
    const code = apiFailure(reason)?.code ?? '';
    return codeFor(code) === 'JITSU_BACKEND_DENIED' ? PAUSE_WHEN_DENIED : this.#backOff.after(failures);
  }

  #unreachable(error: unknown, retryIn?: number): JitsuError {
    if (error instanceof JitsuError) return error;
    const isDenied = codeFor(apiFailure(error)?.code ?? '') === 'JITSU_BACKEND_DENIED';
    const lasts = retryIn === undefined && willLast(error);
    const what = isDenied ? 'does not let us in' : lasts ? 'cannot be used' : 'does not answer';
    const again =
      retryIn === undefined
        ? ''
        : ` Its unikernels answer SERVFAIL until it is back; trying again in ${Math.ceil(retryIn / 1_000)} s.`;
    const message = `The pool at ${this.url} ${what}: ${connectionFailure(error)}. ${connectionAdvice(error)}${again}`;
    const code = isDenied ? 'JITSU_BACKEND_DENIED' : lasts ? 'JITSU_BACKEND_FAILED' : 'JITSU_BACKEND_UNREACHABLE';
    return new JitsuError(code, message, { cause: error });
  }
}

/** Whether the session cannot be used any more; an error without a code of XAPI's comes from the connection. */
function isFatal(error: unknown): boolean {
  if (error instanceof JitsuError) return false;
  const failure = apiFailure(error);
  return failure === undefined || endsSession(failure.code);
}
