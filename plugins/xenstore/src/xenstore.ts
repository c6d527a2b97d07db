import {
  BackOff,
  errorMessage,
  JitsuError,
  Reconnecting,
  type Clock,
  type Logger,
  type Milliseconds,
} from '@jitsud/core/plugin';
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

/** Each time that a transaction fails, another client's has succeeded. */
const TRANSACTION_ATTEMPTS = 50;

const LAST_DOMAIN_ID = 65_535;

export interface XenstoreOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The path of xenstored's socket; Xen's default, or that of the environment, where absent. */
  readonly socket?: string;
  /** Everything rejects from now on, with this reason. */
  readonly onLost?: (reason: JitsuError) => void;
  /** It can be asked again; anything may have changed meanwhile. The watches are set. */
  readonly onBack?: () => void;
}

/**
 * The store of a Xen host, over the socket of its daemon. A lost connection is reopened after growing pauses, and its
 * watches are set again; meanwhile everything rejects at once with `JITSU_BACKEND_UNREACHABLE`.
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
  readonly #watches: Watches;
  readonly #connections: Reconnecting<Connection>;

  private constructor({ clock, logger, socket = socketPath(), onLost, onBack }: XenstoreOptions, signal?: AbortSignal) {
    super();
    this.socket = socket;
    this.#watches = new Watches(logger);
    this.#connections = new Reconnecting(clock, {
      open: (failures, wanted) => Connection.open(socket, clock, this.#watches.tell, failures === 0 ? signal : wanted),
      close: (connection) => connection.close(),
      follow: (connection, lose) => void connection.lost.then(lose),
      restore: (connection) => this.#watches.setAll(connection),
      pause: new BackOff(FIRST_PAUSE, LONGEST_PAUSE),
      absence: (reason) =>
        reason instanceof JitsuError ? reason : unreachable(socket, `${errorMessage(reason)}.`, reason),
      notOpen: () => unreachable(socket, 'it was closed.'),
      onLost: (reason) => {
        logger.warn({ socket }, `${reason.message} Connecting again.`);
        onLost?.(reason);
      },
      onBack: () => {
        logger.info({ socket }, `xenstored at ${socket} answers again`);
        onBack?.();
      },
    });
  }

  /**
   * Rejects with the signal's reason when it aborts first; the signal has no effect afterwards.
   * @throws JITSU_BACKEND_UNREACHABLE when xenstored does not listen there
   * @throws JITSU_BACKEND_DENIED when this user may not connect
   */
  static async open(options: XenstoreOptions, signal?: AbortSignal): Promise<Xenstore> {
    const xenstore = new Xenstore(options, signal);
    try {
      await xenstore.#connections.open();
      return xenstore;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  /** Closes everything; requests in flight reject. */
  async close(): Promise<void> {
    this.#watches.clear();
    await this.#connections.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Does several things as one: others see all of them or none, and the transaction sees no changes of others. When
   * others have changed what it has used, `action` is called again, on a fresh view; so it must have no other effects.
   * When `action` rejects, nothing is done, and its error is passed on.
   * @throws XenstoreError `EAGAIN` when it does not succeed in 50 attempts
   */
  async transaction<T>(action: (nodes: XenstoreNodes) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const transaction = await Transaction.begin(this.#connections.session);
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
   * Watches a node and all below it, or `@introduceDomain` or `@releaseDomain`, until disposed. The listener is called
   * once at the start with the watched path, maybe before this resolves, and again after each reconnection; and with
   * the path of each node there that is created, written or removed, or gets other permissions. xenstored may call it
   * without a change.
   */
  async watch(path: string, listener: WatchListener): Promise<AsyncDisposable> {
    checkWatchPath(path);
    const connection = this.#connections.session;
    const token = this.#watches.add(path, listener);
    try {
      await this.#watches.set(token, connection);
    } catch (error) {
      this.#watches.remove(token);
      throw error;
    }
    return { [Symbol.asyncDispose]: () => this.#unwatch(path, token) };
  }

  /** The node of a domain, `/local/domain/ID`, whether or not the domain exists. */
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
    return this.#connections.session.request(request);
  }

  async #askOfDomain<T>(type: number, verb: string, id: number, decode: (payload: Buffer) => T): Promise<T> {
    const action = `${verb} domain ${id}`;
    if (!Number.isInteger(id) || id < 0 || id > LAST_DOMAIN_ID) {
      throw new XenstoreError('EINVAL', action, `a number from 0 to ${LAST_DOMAIN_ID} expected`);
    }
    return this.send({ type, action, payload: encodeStrings(String(id)), decode });
  }

  async #unwatch(path: string, token: string): Promise<void> {
    const connection = this.#connections.current;
    if (!this.#watches.remove(token) || !connection) return;
    await this.#watches.unset(path, token, connection).catch((error: unknown) => {
      // A lost connection has lost its watches, too.
      if (error instanceof XenstoreError) throw error;
    });
  }
}

async function performed<T>(action: (nodes: XenstoreNodes) => Promise<T>, transaction: Transaction): Promise<T> {
  try {
    return await action(transaction);
  } catch (error) {
    // The first error counts; a lost connection has abandoned the transaction already.
    await transaction.abandon().catch(() => undefined);
    throw error;
  }
}
