import { BackOff, JitsuError, Reconnecting, untilAborted, type Clock, type Logger } from '@jitsud/core/plugin';
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
  onLost(reason: string): void;
}

/** The way to one pool: kept open, and opened again, after a pause, when it is lost. */
export class PoolConnection {
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  readonly #hosts: PoolHosts;
  readonly #sessions: Reconnecting<PoolSession>;
  /** The UUID of the pool that was found at {@link url}. */
  #pool: string | undefined;

  /** `access` is asked for at each login, so that a password that has changed is taken up. */
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

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_CONFIG_INVALID, JITSU_CONFIG_UNREADABLE */
  open(): Promise<void> {
    return this.#sessions.open();
  }

  /** Logs out; the VMs run on. */
  close(): Promise<void> {
    return this.#sessions.close();
  }

  /**
   * Has the pool do something. Rejects with what xen-api throws for a refusal.
   * @throws JITSU_BACKEND_UNREACHABLE while the connection is lost, and when it gets lost meanwhile
   */
  call(method: string, ...parameters: readonly unknown[]): Promise<unknown> {
    return this.use((session) => session.call(method, ...parameters));
  }

  /** As {@link call}, for anything that a session does. */
  use<T>(action: (session: PoolSession) => Promise<T>): Promise<T> {
    return this.#sessions.use((session) => untilAborted(action(session), session.lost), isFatal);
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

  #pauseAfter(reason: unknown, failures: number): number {
    const code = apiFailure(reason)?.code ?? '';
    return codeFor(code) === 'JITSU_BACKEND_DENIED' ? PAUSE_WHEN_DENIED : this.#backOff.after(failures);
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
