import { BackOff, errorMessage, JitsuError, type Clock, type Logger, type Milliseconds } from '@jitsud/core/plugin';
import { Connection, type Request } from './connection.js';
import { MessageType } from './message-type.js';
import { checkWatchPath } from './node-path.js';
import { decodeString, encodeStrings } from './payload.js';
import { socketPath } from './socket-path.js';
import { Transaction } from './transaction.js';
import { unreachable } from './unreachable.js';
import { Watches, type WatchListener } from './watches.js';
import { XenstoreError } from './xenstore-error.js';
import { XenstoreNodes } from './xenstore-nodes.js';

const FIRST_PAUSE: Milliseconds = 100;
const LONGEST_PAUSE: Milliseconds = 15_000;

/** Each time that a transaction fails, somebody else's has gone through. */
const TRANSACTION_ATTEMPTS = 50;

const LAST_DOMAIN_ID = 65_535;

export interface XenstoreOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The path of xenstored's socket; where Xen puts it, or says in the environment, where absent. */
  readonly socket?: string;
  /** From now on everything rejects, with this reason. */
  readonly onLost?: (reason: JitsuError) => void;
  /** It can be asked again, and anything may have changed meanwhile. The watches are set. */
  readonly onBack?: () => void;
}

/**
 * The store of a Xen host, over the socket of its daemon. A connection that is lost is opened again, after longer and
 * longer pauses, and its watches are set again; meanwhile everything rejects at once with `JITSU_BACKEND_UNREACHABLE`.
 *
 * @example
 * ```ts
 * await using xenstore = await Xenstore.open({ clock, logger });
 * const name = await xenstore.read('/local/domain/0/name');
 * ```
 */
export class Xenstore extends XenstoreNodes implements AsyncDisposable {
  /** The path of the socket. */
  readonly socket: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  readonly #watches: Watches;
  /** Aborts when it is closed. */
  readonly #closing = new AbortController();
  #connection: Connection | undefined;
  /** Why there is no connection. */
  #absence: JitsuError;
  #reconnecting = Promise.resolve();

  private constructor(private readonly options: XenstoreOptions) {
    super();
    const { clock, logger, socket = socketPath() } = options;
    this.socket = socket;
    this.#clock = clock;
    this.#logger = logger;
    this.#watches = new Watches(logger);
    this.#absence = unreachable(socket, 'it was closed.');
  }

  /**
   * Rejects with the signal's reason when it aborts first; afterwards the signal does not count.
   * @throws JITSU_BACKEND_UNREACHABLE when nobody listens there
   * @throws JITSU_BACKEND_DENIED when this user may not connect
   */
  static async open(options: XenstoreOptions, signal?: AbortSignal): Promise<Xenstore> {
    const xenstore = new Xenstore(options);
    xenstore.#take(await xenstore.#connect(signal));
    return xenstore;
  }

  /** Lets go of everything; what is on its way rejects. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#watches.clear();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#absence = unreachable(this.socket, 'it was closed.');
    await connection?.close();
    await this.#reconnecting;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Does several things as one: others see all of them or none, and it sees nothing of what others do meanwhile. When
   * they have changed what it has used, `action` is called again, on a fresh view; so it must have no other effects.
   * When `action` rejects, nothing is done, and its error is passed on.
   * @throws XenstoreError `EAGAIN` when it does not get through in 50 attempts
   */
  async transaction<T>(action: (nodes: XenstoreNodes) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const transaction = await Transaction.begin(this.#open());
      const result = await performed(action, transaction);
      try {
        await transaction.commit();
        return result;
      } catch (error) {
        const isConflict = error instanceof XenstoreError && error.code === 'EAGAIN';
        if (!isConflict || attempt === TRANSACTION_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Watches a node and all below it, or `@introduceDomain` or `@releaseDomain`, until it is disposed. The listener is
   * called with the watched path once straight away, maybe before this resolves, and again after each reconnection; and
   * with the path of whatever is made, written or removed there, or gets other permissions. xenstored may call it for
   * nothing.
   */
  async watch(path: string, listener: WatchListener): Promise<AsyncDisposable> {
    checkWatchPath(path);
    const connection = this.#open();
    const token = this.#watches.add(path, listener);
    try {
      await this.#watches.set(token, connection);
    } catch (error) {
      this.#watches.remove(token);
      throw error;
    }
    return { [Symbol.asyncDispose]: () => this.#unwatch(path, token) };
  }

  /** The node of a domain, `/local/domain/ID`, whether there is such a domain or not. */
  getDomainPath(domainId: number): Promise<string> {
    return this.#askOfDomain(MessageType.getDomainPath, 'tell the path of', domainId, (payload) =>
      decodeString(payload, /^\/[\w@/-]+$/),
    );
  }

  /** Whether xenstored serves the domain: from its introduction by the toolstack until it is gone. */
  isDomainIntroduced(domainId: number): Promise<boolean> {
    return this.#askOfDomain(
      MessageType.isDomainIntroduced,
      'tell whether it knows',
      domainId,
      (payload) => decodeString(payload, /^[TF]$/) === 'T',
    );
  }

  protected override async send<T>(request: Request<T>): Promise<T> {
    return this.#open().request(request);
  }

  async #askOfDomain<T>(type: number, verb: string, id: number, decode: (payload: Buffer) => T): Promise<T> {
    const action = `${verb} domain ${id}`;
    if (!Number.isInteger(id) || id < 0 || id > LAST_DOMAIN_ID) {
      throw new XenstoreError('EINVAL', action, `a number from 0 to ${LAST_DOMAIN_ID} expected`);
    }
    return this.send({ type, action, payload: encodeStrings(String(id)), decode });
  }

  async #unwatch(path: string, token: string): Promise<void> {
    const connection = this.#connection;
    if (!this.#watches.remove(token) || !connection) return;
    await this.#watches.unset(path, token, connection).catch((error: unknown) => {
      // A connection that is lost has taken its watches with it.
      if (error instanceof XenstoreError) throw error;
    });
  }

  #open(): Connection {
    if (!this.#connection) throw this.#absence;
    return this.#connection;
  }

  #connect(signal?: AbortSignal): Promise<Connection> {
    return Connection.open(this.socket, this.#clock, this.#watches.tell, signal);
  }

  #take(connection: Connection): void {
    this.#connection = connection;
    void connection.lost.then((reason) => {
      if (this.#connection === connection) this.#lose(reason);
    });
  }

  #lose(reason: JitsuError): void {
    this.#connection = undefined;
    this.#absence = reason;
    this.#logger.warn({ socket: this.socket }, `${reason.message} Connecting again.`);
    this.options.onLost?.(reason);
    this.#reconnecting = this.#reconnect(this.#closing.signal);
  }

  /** Never rejects: it ends when xenstored is back, or when nobody wants it any more. */
  async #reconnect(closing: AbortSignal): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      await this.#clock.sleep(this.#backOff.after(failures), closing).catch(() => undefined);
      if (closing.aborted) return;
      if (!(await this.#connectAgain(closing))) continue;
      this.#logger.info({ socket: this.socket }, `xenstored at ${this.socket} answers again`);
      this.options.onBack?.();
      return;
    }
  }

  /** The listeners of watches may ask for more at once: the connection is in its place before the watches are set. */
  async #connectAgain(closing: AbortSignal): Promise<boolean> {
    let connection: Connection | undefined;
    try {
      connection = await this.#connect(closing);
      closing.throwIfAborted();
      this.#connection = connection;
      await this.#watches.setAll(connection);
      closing.throwIfAborted();
      this.#take(connection);
      return true;
    } catch (error) {
      this.#connection = undefined;
      if (!closing.aborted) this.#absence = this.#reasonFor(error);
      await connection?.close();
      return false;
    }
  }

  #reasonFor(error: unknown): JitsuError {
    return error instanceof JitsuError ? error : unreachable(this.socket, `${errorMessage(error)}.`, error);
  }
}

async function performed<T>(action: (nodes: XenstoreNodes) => Promise<T>, transaction: Transaction): Promise<T> {
  try {
    return await action(transaction);
  } catch (error) {
    // The first error is what counts; a connection that is lost has abandoned it already.
    await transaction.abandon().catch(() => undefined);
    throw error;
  }
}
