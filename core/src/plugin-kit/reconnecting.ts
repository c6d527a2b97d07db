import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { JitsuError } from '../errors.js';
import { BackOff } from './back-off.js';

/** How long `close` waits for sessions to end and for an attempt under way. */
const CLOSE_TIMEOUT: Milliseconds = 1_000;

/** Opens and closes the sessions with one system, and hears about them. */
export interface SessionCare<Session> {
  /**
   * Opens a session. `failures` counts the failed attempts in a row, the loss included: 0 for the attempt that
   * {@link Reconnecting.open} makes. The signal aborts when the session is not wanted any more.
   */
  open(failures: number, signal: AbortSignal): Promise<Session>;
  /** Closes a session; called exactly once for each opened session, and its failure is ignored. */
  close(session: Session): Promise<void>;
  /** Makes sure that `lose` is called, with the reason, when the session ends by itself. */
  follow?(session: Session, lose: (reason: unknown) => void): void;
  /** Repeats the requests of the last session (such as watches) on a new one, which is the current session already. */
  restore?(session: Session): Promise<void>;
  /** The pause before the next attempt, after this many failures in a row, at least one. */
  readonly pause: BackOff | ((failures: number, reason: unknown) => Milliseconds);
  /** The error for callers while there is no session; `retryIn` where another attempt follows. */
  absence(reason: unknown, retryIn?: Milliseconds): JitsuError;
  /** The error for callers before it is opened and after it is closed. */
  notOpen(): JitsuError;
  /** There is no session from now on. */
  onLost?(absence: JitsuError): void;
  /** Another attempt has failed. */
  onFailed?(absence: JitsuError): void;
  /** There is a session again; anything may have changed meanwhile. */
  onBack?(session: Session): void;
}

/**
 * Keeps a session with a system open: one that is lost is opened again, after pauses that `pause` says, until it is
 * closed. While there is none, callers get an error at once.
 *
 * @example
 * ```ts
 * const connection = new Reconnecting<Client>(clock, {
 *   open: (_failures, signal) => Client.connect(uri, signal),
 *   close: (client) => client.end(),
 *   follow: (client, lose) => client.once('close', lose),
 *   pause: new BackOff(250, 15_000),
 *   absence: (reason) => new JitsuError('JITSU_BACKEND_UNREACHABLE', `${uri} does not answer: ${errorMessage(reason)}`),
 *   notOpen: () => new JitsuError('JITSU_BACKEND_UNREACHABLE', `${uri} is not connected.`),
 * });
 * await connection.open();
 * await connection.session.ask('something');
 * ```
 */
export class Reconnecting<Session extends object> {
  #session: Session | undefined;
  #absence: JitsuError;
  /** Present from `open` until `close`, or until the first attempt fails. */
  #wanted: AbortController | undefined;
  #opening: Promise<void> | undefined;
  /** The attempt under way. */
  #attempt: Promise<unknown> | undefined;
  /** The current session while it is being restored. */
  #restoring: Session | undefined;
  readonly #ending = new Set<Promise<void>>();
  /** The pause before the next attempt. */
  #pause: AbortController | undefined;
  /** The callers of `retry` that wait for the end of the next attempt. */
  #retries: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly care: SessionCare<Session>,
  ) {
    this.#absence = care.notOpen();
  }

  /** @throws the absence while there is none */
  get session(): Session {
    if (this.#session === undefined) throw this.#absence;
    return this.#session;
  }

  /** The session where there is one. */
  get current(): Session | undefined {
    return this.#session;
  }

  /** Opens the first session. @throws the absence when that fails, without another attempt */
  open(): Promise<void> {
    if (this.#wanted !== undefined) return this.#opening ?? Promise.resolve();
    const wanted = new AbortController();
    this.#wanted = wanted;
    const opening = this.#openFirst(wanted).finally(() => {
      // After a close, another one may be under way.
      if (this.#opening === opening) this.#opening = undefined;
    });
    this.#opening = opening;
    return opening;
  }

  /** Opens a session in the background, again and again until one is open, and tells of it by `onBack`. */
  keepOpening(): void {
    if (this.#wanted !== undefined) return;
    this.#wanted = new AbortController();
    void this.#reconnect(this.#wanted.signal, undefined);
  }

  /**
   * Ends the pause before the next attempt. An attempt under way that fails is followed by another at once. Resolves when
   * that attempt has ended; at once where there is a session, or none is wanted.
   */
  retry(): Promise<void> {
    if (this.#session !== undefined || this.#wanted === undefined) return Promise.resolve();
    this.#pause?.abort();
    return new Promise((resolve) => this.#retries.push(resolve));
  }

  /** Ends the session. Waits at most a second for what does not end. */
  async close(): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = undefined;
    this.#absence = this.care.notOpen();
    const session = this.#session;
    this.#session = undefined;
    this.#endRetries();
    if (session !== undefined) this.#end(session);
    // An attempt under way may still open a session that must end.
    await this.#withinCloseTimeout(Promise.resolve(this.#attempt).then(() => Promise.all(this.#ending)));
  }

  /** Drops a broken session; without effect unless it is the current one. */
  lose(session: Session, reason: unknown): void {
    if (this.#session !== session || this.#wanted === undefined || this.#restoring === session) return;
    const { signal } = this.#wanted;
    this.#session = undefined;
    this.#end(session);
    this.#absence = this.care.absence(reason, this.#pauseAfter(1, reason));
    this.care.onLost?.(this.#absence);
    void this.#reconnect(signal, reason);
  }

  /**
   * Uses the session. Where `isFatal` says that the error breaks the session, the session is dropped.
   * @throws the error, or the absence when the session was lost meanwhile
   */
  async use<T>(action: (session: Session) => Promise<T>, isFatal: (error: unknown) => boolean): Promise<T> {
    const { session } = this;
    try {
      return await action(session);
    } catch (error) {
      if (isFatal(error)) this.lose(session, error);
      throw this.#session === session ? error : this.#absence;
    }
  }

  /** The session, after the attempt under way, if there is one. @throws the absence */
  async settled(): Promise<Session> {
    await this.#attempt;
    return this.session;
  }

  async #openFirst({ signal }: AbortController): Promise<void> {
    const failure = await this.#try(0, signal, false);
    if (signal.aborted) throw this.#absence;
    this.#endRetries();
    if (failure === undefined) return;
    this.#wanted = undefined;
    throw this.care.absence(failure.reason);
  }

  /** Ends when there is a session again, or it is not wanted any more. */
  async #reconnect(wanted: AbortSignal, why: unknown): Promise<void> {
    let reason = why;
    const isOver = (): boolean => wanted.aborted;
    for (let failures = 1; ; failures += 1) {
      const pause = this.#pauseAfter(failures, reason);
      // Without a pause, the first attempt after a loss starts before its callers learn of the loss.
      if (pause > 0 && this.#retries.length === 0) await this.#sleep(pause, wanted);
      if (isOver()) return;
      const retries = this.#retries.splice(0);
      const failure = await this.#try(failures, wanted, true);
      if (failure !== undefined && !isOver()) {
        reason = failure.reason;
        this.#absence = this.care.absence(reason, this.#pauseAfter(failures + 1, reason));
        this.care.onFailed?.(this.#absence);
      }
      for (const resolve of retries) resolve();
      if (isOver()) return;
      if (failure === undefined) return this.#endRetries();
    }
  }

  /** Resolves early on `retry`, and when the session is not wanted any more. */
  async #sleep(pause: Milliseconds, wanted: AbortSignal): Promise<void> {
    const early = new AbortController();
    this.#pause = early;
    await this.clock.sleep(pause, AbortSignal.any([wanted, early.signal])).catch(() => undefined);
    // After a close, another one may be under way.
    if (this.#pause === early) this.#pause = undefined;
  }

  #pauseAfter(failures: number, reason: unknown): Milliseconds {
    const { pause } = this.care;
    return pause instanceof BackOff ? pause.after(failures) : pause(failures, reason);
  }

  #endRetries(): void {
    for (const resolve of this.#retries.splice(0)) resolve();
  }

  #try(failures: number, wanted: AbortSignal, again: boolean): Promise<{ readonly reason: unknown } | undefined> {
    const attempt = this.#openOne(failures, wanted, again).then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    );
    this.#attempt = attempt;
    void attempt.then(() => {
      if (this.#attempt === attempt) this.#attempt = undefined;
    });
    return attempt;
  }

  /** The session is already current while it is restored, so that the restoring code can use it. */
  async #openOne(failures: number, wanted: AbortSignal, again: boolean): Promise<void> {
    const session = await this.care.open(failures, wanted);
    if (wanted.aborted) return this.#end(session);
    this.#session = session;
    try {
      if (again && this.care.restore !== undefined) await this.#restore(session);
      wanted.throwIfAborted();
      if (again) this.care.onBack?.(session);
      this.care.follow?.(session, (reason) => this.lose(session, reason));
    } catch (error) {
      // If the session was closed or lost meanwhile, it has ended already, and a loss has begun the next attempt.
      if (this.#session !== session) return;
      this.#session = undefined;
      this.#end(session);
      throw error;
    }
  }

  async #restore(session: Session): Promise<void> {
    this.#restoring = session;
    try {
      await this.care.restore?.(session);
    } finally {
      if (this.#restoring === session) this.#restoring = undefined;
    }
  }

  #end(session: Session): void {
    const ended = Promise.resolve()
      .then(() => this.care.close(session))
      .catch(() => undefined);
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }

  async #withinCloseTimeout(end: Promise<unknown>): Promise<void> {
    const enough = new AbortController();
    const timeout = this.clock.sleep(CLOSE_TIMEOUT, enough.signal).catch(() => undefined);
    await Promise.race([end, timeout]);
    enough.abort();
  }
}
