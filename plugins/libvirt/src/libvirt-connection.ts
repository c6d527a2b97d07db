import { BackOff, errorMessage, JitsuError, type Clock, type Logger } from '@jitsud/core/plugin';
import { CallFailed } from './call-failed.js';
import { CallPool } from './call-pool.js';
import { connectionAdvice, isDenied } from './connection-advice.js';
import type { DomainEvent } from './event-loop.js';
import type { DomainOperation, Operations } from './native/operations.js';
import { Session } from './session.js';

/** libvirtd handles five requests of one client at a time: one of these is left for looks. */
const ACTIONS_AT_ONCE = 4;

/** In milliseconds. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 15_000;
const PATIENCE = 10_000;
const FAREWELL = 1_000;

/** Short calls, which must not wait behind the boots of others. */
const LOOKS: ReadonlySet<DomainOperation> = new Set<DomainOperation>(['state', 'describe', 'findByName', 'findByUuid']);

type AfterFirst<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

export interface ConnectionListener {
  onDomain(event: DomainEvent): void;
  /** From now on calls reject at once. */
  onLost(reason: JitsuError): void;
  /** It can be used again, and anything may have changed meanwhile. */
  onBack(): void;
}

/** The way to one libvirt: kept open, and opened again, after longer and longer pauses, when it is lost. */
export class LibvirtConnection {
  readonly #looks = new CallPool(1);
  readonly #actions = new CallPool(ACTIONS_AT_ONCE);
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  #session: Session | undefined;
  /** Why there is no session. */
  #absence: JitsuError;
  /** Present while it is meant to be open. */
  #wanted: AbortController | undefined;

  constructor(
    readonly uri: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly listener: ConnectionListener,
  ) {
    this.#absence = this.#notConnected();
  }

  /** Whether the driver tells what happens to its domains; asked of an open connection. */
  get tellsEvents(): boolean {
    return this.#session?.tellsEvents ?? false;
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED */
  async open(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = new AbortController();
    using _patience = this.#sayThatWeWait();
    try {
      this.#take(await this.#openSession());
    } catch (error) {
      await this.close();
      throw this.#unreachable(error);
    }
  }

  /** Lets go of libvirt, whose domains run on. A call that does not come back is waited for no longer than a second. */
  async close(): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = undefined;
    const session = this.#session;
    this.#session = undefined;
    this.#absence = this.#notConnected();
    if (session) await this.#withinFarewell(session.end());
    await Promise.all([this.#looks.close(), this.#actions.close()]);
  }

  /**
   * Has libvirt do something.
   * @throws CallFailed for what libvirt refuses
   * @throws JITSU_BACKEND_UNREACHABLE while the connection is lost, and when it gets lost meanwhile
   */
  async call<Name extends DomainOperation>(
    operation: Name,
    ...parameters: AfterFirst<Parameters<Operations[Name]>>
  ): Promise<ReturnType<Operations[Name]>> {
    const session = this.#session;
    if (!session) throw this.#absence;
    const pool = LOOKS.has(operation) ? this.#looks : this.#actions;
    try {
      return await session.use((pointer) => {
        const all = [pointer, ...parameters] as unknown as Parameters<Operations[Name]>;
        return pool.call(operation, ...all);
      });
    } catch (error) {
      if (error instanceof CallFailed && error.isFatal) this.#lose(session, error);
      throw this.#session === session ? error : this.#absence;
    }
  }

  #openSession(): Promise<Session> {
    return Session.open(this.uri, this.#actions, (event) => this.listener.onDomain(event));
  }

  #take(session: Session): void {
    this.#session = session;
    void session.lost.then((reason) => this.#lose(session, reason));
  }

  #lose(session: Session, reason: CallFailed): void {
    if (this.#session !== session || !this.#wanted) return;
    this.#session = undefined;
    void session.end();
    this.#absence = this.#unreachable(reason, FIRST_PAUSE);
    this.logger.warn({ uri: this.uri }, this.#absence.message);
    this.listener.onLost(this.#absence);
    void this.#reconnect(this.#wanted.signal);
  }

  /** Never rejects: it ends when libvirt is back, or when nobody wants it any more. */
  async #reconnect(wanted: AbortSignal): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      await this.clock.sleep(this.#backOff.after(failures), wanted).catch(() => undefined);
      if (wanted.aborted) return;
      const session = await this.#openSession().catch((error: unknown) => {
        this.#absence = this.#unreachable(error, this.#backOff.after(failures + 1));
      });
      if (!session) continue;
      if (this.#wanted?.signal !== wanted) return session.end();
      this.#take(session);
      this.logger.info({ uri: this.uri }, `libvirt at ${this.uri} answers again`);
      return this.listener.onBack();
    }
  }

  /** libvirt itself sets no limit: a host that takes the connection and then says nothing is waited for. */
  #sayThatWeWait(): Disposable {
    let timer: Disposable;
    const arm = (): void => {
      timer = this.clock.after(PATIENCE, () => {
        this.logger.warn({ uri: this.uri }, `libvirt at ${this.uri} has not answered yet; still waiting for it`);
        arm();
      });
    };
    arm();
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  async #withinFarewell(promise: Promise<void>): Promise<void> {
    const enough = new AbortController();
    const farewell = this.clock.sleep(FAREWELL, enough.signal).catch(() => undefined);
    await Promise.race([promise, farewell]);
    enough.abort();
  }

  #notConnected(): JitsuError {
    return new JitsuError('JITSU_BACKEND_UNREACHABLE', `libvirt at ${this.uri} is not connected.`);
  }

  #unreachable(error: unknown, retryIn?: number): JitsuError {
    const failed =
      error instanceof CallFailed ? error : new CallFailed({ kind: 'defect', message: errorMessage(error) });
    const code = isDenied(failed) ? 'JITSU_BACKEND_DENIED' : 'JITSU_BACKEND_UNREACHABLE';
    const what = code === 'JITSU_BACKEND_DENIED' ? 'does not let us in' : 'does not answer';
    const again =
      retryIn === undefined
        ? ''
        : ` Its unikernels answer SERVFAIL until it is back; trying again in ${Math.ceil(retryIn / 1_000)} s.`;
    const message = `libvirt at ${this.uri} ${what}: ${failed.words}. ${connectionAdvice(this.uri, failed)}${again}`;
    return new JitsuError(code, message, { cause: failed });
  }
}
