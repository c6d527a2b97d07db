import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { JitsuError } from '../errors.js';

/** How long `close` waits for sessions to end and for an attempt that is under way. */
const FAREWELL: Milliseconds = 1_000;

/** How sessions with one system are opened and closed, and what is told of them. */
export interface SessionCare<Session> {
  /**
   * Opens a session. `failures` counts the attempts that have failed in a row, the loss itself included: 0 for the
   * attempt that {@link Reconnecting.open} makes. The signal aborts when nobody wants the session any more.
   */
  open(failures: number, signal: AbortSignal): Promise<Session>;
  /** Closes a session; called exactly once for each that was opened, and its failure is nobody's business. */
  close(session: Session): Promise<void>;
  /** Has `lose` called, with the reason, when the session ends by itself. */
  follow?(session: Session, lose: (reason: unknown) => void): void;
  /** Asks anew for what the last session was asked for, on one that is in its place already. */
  restore?(session: Session): Promise<void>;
  /** How long to wait before the next attempt, after so many failures in a row, at least one. */
  pause(failures: number, reason: unknown): Milliseconds;
  /** The error of whoever wants a session and there is none; `retryIn` where another attempt follows. */
  absence(reason: unknown, retryIn?: Milliseconds): JitsuError;
  /** The same before it is opened and after it is closed. */
  notOpen(): JitsuError;
  /** From now on there is no session. */
  onLost?(absence: JitsuError): void;
  /** Another attempt has failed. */
  onFailed?(absence: JitsuError): void;
  /** There is a session again, and anything may have changed meanwhile. */
  onBack?(session: Session): void;
}

/**
 * Keeps a session with a system open: one that is lost is opened again, after pauses that `pause` says, until it is
 * closed. While there is none, whoever wants it gets an error at once.
 *
 * @example
 * ```ts
 * const backOff = new BackOff(250, 15_000);
 * const connection = new Reconnecting<Client>(clock, {
 *   open: (_failures, signal) => Client.connect(uri, signal),
 *   close: (client) => client.end(),
 *   follow: (client, lose) => client.once('close', lose),
 *   pause: (failures) => backOff.after(failures),
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
  /** Present while it is meant to be open. */
  #wanted: AbortController | undefined;
  #opening: Promise<void> | undefined;
  /** The attempt under way. */
  #attempt: Promise<unknown> | undefined;
  /** The session that is in its place and not followed yet. */
  #restoring: Session | undefined;
  readonly #ending = new Set<Promise<void>>();

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

  /** Opens the first session. @throws the absence when that fails; nothing is tried again then */
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

  /** Ends the session. Whatever does not end is waited for no longer than a second. */
  async close(): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = undefined;
    this.#absence = this.care.notOpen();
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) this.#end(session);
    // An attempt under way may have a session yet to end.
    await this.#withinFarewell(Promise.resolve(this.#attempt).then(() => Promise.all(this.#ending)));
  }

  /** Puts a session aside that is of no use any more; without effect on any other but the current one. */
  lose(session: Session, reason: unknown): void {
    if (this.#session !== session || this.#wanted === undefined || this.#restoring === session) return;
    const { signal } = this.#wanted;
    this.#session = undefined;
    this.#end(session);
    this.#absence = this.care.absence(reason, this.care.pause(1, reason));
    this.care.onLost?.(this.#absence);
    void this.#reconnect(signal, reason);
  }

  /**
   * Uses the session. Where the error is one after which a session is of no use, it is lost.
   * @throws the error, or the absence when the session got lost meanwhile
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

  /** The session, after the attempt that is under way, if there is one. @throws the absence */
  async settled(): Promise<Session> {
    await this.#attempt;
    return this.session;
  }

  async #openFirst({ signal }: AbortController): Promise<void> {
    const failure = await this.#try(0, signal, false);
    if (signal.aborted) throw this.#absence;
    if (failure === undefined) return;
    this.#wanted = undefined;
    throw this.care.absence(failure.reason);
  }

  /** Ends when there is a session again, or nobody wants one any more. */
  async #reconnect(wanted: AbortSignal, why: unknown): Promise<void> {
    let reason = why;
    for (let failures = 1; ; failures += 1) {
      const pause = this.care.pause(failures, reason);
      // The first attempt after a loss may be under way before anybody hears of the loss.
      // The wait rejects when nobody wants the session any more.
      if (pause > 0) await this.clock.sleep(pause, wanted).catch(() => undefined);
      const failure = wanted.aborted ? undefined : await this.#try(failures, wanted, true);
      if (wanted.aborted || failure === undefined) return;
      reason = failure.reason;
      this.#absence = this.care.absence(reason, this.care.pause(failures + 1, reason));
      this.care.onFailed?.(this.#absence);
    }
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

  /** Who uses the session while it is restored finds it in its place. */
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
      // Closed or lost meanwhile, it has ended already, and a loss has begun the next attempt.
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

  async #withinFarewell(end: Promise<unknown>): Promise<void> {
    const enough = new AbortController();
    const farewell = this.clock.sleep(FAREWELL, enough.signal).catch(() => undefined);
    await Promise.race([end, farewell]);
    enough.abort();
  }
}
