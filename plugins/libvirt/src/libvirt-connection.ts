import { BackOff, errorMessage, JitsuError, Reconnecting, type Clock, type Logger } from '@jitsud/core/plugin';
import { CallFailed } from './call-failed.js';
import { CallPool } from './call-pool.js';
import { connectionAdvice, isDenied, willLast } from './connection-advice.js';
import type { DomainEvent } from './event-loop.js';
import type { DomainOperation, Operations } from './native/operations.js';
import { Session } from './session.js';

/** libvirtd handles five requests of one client at a time: one of these is reserved for looks. */
const ACTIONS_AT_ONCE = 4;

/** In milliseconds. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 15_000;
const LOG_INTERVAL = 10_000;

/** Short calls, which must not wait behind boots. */
const LOOKS: ReadonlySet<DomainOperation> = new Set<DomainOperation>([
  'state',
  'describe',
  'packets',
  'findByName',
  'findByUuid',
]);

type AfterFirst<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

export interface ConnectionListener {
  onDomain(event: DomainEvent): void;
  /** Calls reject at once from now on. */
  onLost(reason: string): void;
  /** It can be used again; anything may have changed meanwhile. */
  onBack(): void;
}

/** The connection to one libvirt: kept open, and reopened after growing pauses when it is lost. */
export class LibvirtConnection {
  readonly #looks = new CallPool(1);
  readonly #actions = new CallPool(ACTIONS_AT_ONCE);
  readonly #sessions: Reconnecting<Session>;

  constructor(
    readonly uri: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    listener: ConnectionListener,
  ) {
    this.#sessions = new Reconnecting(clock, {
      open: () => Session.open(uri, this.#actions, (event) => listener.onDomain(event)),
      close: (session) => session.end(),
      follow: (session, lose) => void session.lost.then(lose),
      pause: new BackOff(FIRST_PAUSE, LONGEST_PAUSE),
      absence: (reason, retryIn) => this.#unreachable(reason, retryIn),
      notOpen: () => new JitsuError('JITSU_BACKEND_UNREACHABLE', `libvirt at ${uri} is not connected.`),
      onLost: ({ message }) => {
        logger.warn({ uri }, message);
        listener.onLost(message);
      },
      onBack: () => {
        logger.info({ uri }, `libvirt at ${uri} answers again`);
        listener.onBack();
      },
    });
  }

  /** Whether the driver reports events of its domains; valid for an open connection. */
  get tellsEvents(): boolean {
    return this.#sessions.current?.tellsEvents ?? false;
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED */
  async open(): Promise<void> {
    using _log = this.#logWaiting();
    try {
      await this.#sessions.open();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Disconnects from libvirt, whose domains keep running. Waits at most a second for a call that does not return. */
  async close(): Promise<void> {
    await this.#sessions.close();
    await Promise.all([this.#looks.close(), this.#actions.close()]);
  }

  /**
   * Calls an operation of libvirt.
   * @throws CallFailed for what libvirt refuses
   * @throws JITSU_BACKEND_UNREACHABLE while the connection is lost, and when it is lost meanwhile
   */
  call<Name extends DomainOperation>(
    operation: Name,
    ...parameters: AfterFirst<Parameters<Operations[Name]>>
  ): Promise<ReturnType<Operations[Name]>> {
    const pool = LOOKS.has(operation) ? this.#looks : this.#actions;
    const call = (session: Session): Promise<ReturnType<Operations[Name]>> =>
      session.use((pointer) => {
        const all = [pointer, ...parameters] as unknown as Parameters<Operations[Name]>;
        return pool.call(operation, ...all);
      });
    return this.#sessions.use(call, (error) => error instanceof CallFailed && error.isFatal);
  }

  /** libvirt itself sets no timeout: a host that accepts the connection and then stays silent is waited for. */
  #logWaiting(): Disposable {
    let timer: Disposable;
    const arm = (): void => {
      timer = this.clock.after(LOG_INTERVAL, () => {
        this.logger.warn({ uri: this.uri }, `libvirt at ${this.uri} has not answered yet; still waiting for it`);
        arm();
      });
    };
    arm();
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  #unreachable(error: unknown, retryIn?: number): JitsuError {
    const failed =
      error instanceof CallFailed ? error : new CallFailed({ kind: 'defect', message: errorMessage(error) });
    const lasts = retryIn === undefined && willLast(this.uri, failed);
    const code = isDenied(failed)
      ? 'JITSU_BACKEND_DENIED'
      : lasts
        ? 'JITSU_BACKEND_FAILED'
        : 'JITSU_BACKEND_UNREACHABLE';
    const what = isDenied(failed) ? 'does not let us in' : lasts ? 'cannot be used' : 'does not answer';
    const again =
      retryIn === undefined
        ? ''
        : ` Its unikernels answer SERVFAIL until it is back; trying again in ${Math.ceil(retryIn / 1_000)} s.`;
    const message = `libvirt at ${this.uri} ${what}: ${failed.words}. ${connectionAdvice(this.uri, failed)}${again}`;
    return new JitsuError(code, message, { cause: failed });
  }
}
