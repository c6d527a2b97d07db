import { BackOff, errorCode, errorMessage, type Clock, type JitsuError, type Milliseconds } from '@jitsud/core/plugin';
import { connect, type Socket } from 'node:net';
import { MalformedMessage } from './malformed-message.js';
import { encodeMessage, LONGEST_PAYLOAD, type Message } from './message.js';
import { MessageReader } from './message-reader.js';
import { MessageType } from './message-type.js';
import { decodeString, decodeStrings } from './payload.js';
import { cannotConnect, unreachable } from './unreachable.js';
import { XenstoreError } from './xenstore-error.js';

/** xenstored answers within a millisecond; after so long without an answer it never will. */
const REPLY_TIMEOUT: Milliseconds = 10_000;

/** xenstored's socket queues one waiting connection, and the system refuses all others: those try again. */
const SHORTEST_QUEUE: Milliseconds = 1;
const LONGEST_QUEUE: Milliseconds = 20;
const QUEUE_ATTEMPTS = 200;

const LAST_REQUEST = 2 ** 32 - 1;

/** One request to xenstored. */
export interface Request<T> {
  readonly type: number;
  /** For error messages, as in "read /local/domain/1/name". */
  readonly action: string;
  readonly payload: Buffer;
  /** Parses the reply, or throws a MalformedMessage. */
  readonly decode: (payload: Buffer) => T;
}

interface Pending extends Request<unknown> {
  readonly since: Milliseconds;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Receives every event of every watch. */
export type EventListener = (path: string, token: string) => void;

/**
 * One connection to xenstored, from its opening to its end. Any number of requests may be in flight at once. The first
 * violation of the protocol ends it.
 */
export class Connection {
  /** Resolves, with the reason, when it has ended for any cause. From then on every request rejects with it. */
  readonly lost: Promise<JitsuError>;
  readonly #pending = new Map<number, Pending>();
  readonly #reader = new MessageReader();
  readonly #closed: Promise<void>;
  #tellLost!: (reason: JitsuError) => void;
  #reason: JitsuError | undefined;
  #lastRequest = 0;
  #lastReply: Milliseconds = 0;
  #replyTimer: Disposable | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
    private readonly clock: Clock,
    private readonly onEvent: EventListener,
  ) {
    this.lost = new Promise((resolve) => (this.#tellLost = resolve));
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#end(unreachable(path, `${errorMessage(error)}.`, error)));
    socket.on('close', () => this.#end(unreachable(path, 'it closed the connection.')));
  }

  /**
   * Rejects with the signal's reason when it aborts first.
   * @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED
   */
  static async open(path: string, clock: Clock, onEvent: EventListener, signal?: AbortSignal): Promise<Connection> {
    const backOff = new BackOff(SHORTEST_QUEUE, LONGEST_QUEUE);
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        return new Connection(await connected(path), path, clock, onEvent);
      } catch (error) {
        if (errorCode(error) !== 'EAGAIN' || attempt === QUEUE_ATTEMPTS) throw cannotConnect(path, error);
      }
      await clock.sleep(backOff.after(attempt), signal);
    }
  }

  /**
   * @throws XenstoreError for what xenstored refuses, and `E2BIG` for more than a message can hold
   * @throws JITSU_BACKEND_UNREACHABLE when the connection has ended, and when it ends meanwhile
   */
  request<T>({ type, action, payload, decode }: Request<T>, transaction = 0): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#reason) return reject(this.#reason);
      if (payload.length > LONGEST_PAYLOAD) return reject(new XenstoreError('E2BIG', action));
      const request = this.#nextRequest();
      const settle = resolve as (value: unknown) => void;
      this.#pending.set(request, { type, action, payload, decode, since: this.clock.now(), resolve: settle, reject });
      this.socket.write(encodeMessage({ type, request, transaction, payload }));
      this.#replyTimer ??= this.clock.after(REPLY_TIMEOUT, () => this.#checkReplyTimeout());
    });
  }

  /** Ends the connection; resolves when its socket is closed. */
  close(): Promise<void> {
    this.#end(unreachable(this.path, 'the connection was closed.'));
    return this.#closed;
  }

  #nextRequest(): number {
    do this.#lastRequest = this.#lastRequest === LAST_REQUEST ? 1 : this.#lastRequest + 1;
    while (this.#pending.has(this.#lastRequest));
    return this.#lastRequest;
  }

  #take(chunk: Buffer): void {
    try {
      for (const message of this.#reader.read(chunk)) {
        // A listener may have closed the connection.
        if (this.#reason) return;
        if (message.type === MessageType.watchEvent) this.#takeEvent(message);
        else this.#takeReply(message);
      }
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#end(unreachable(this.path, `it does not speak xenstore's protocol: ${error.message}.`, error));
    }
  }

  #takeEvent({ payload }: Message): void {
    const [path, token] = decodeStrings(payload);
    if (path === undefined || token === undefined) throw new MalformedMessage('an event without path and token');
    this.onEvent(path, token);
  }

  #takeReply({ request, type, payload }: Message): void {
    const pending = this.#pending.get(request);
    if (!pending) throw new MalformedMessage(`a reply to request ${request}, which nobody waits for`);
    this.#lastReply = this.clock.now();
    if (type === MessageType.error) {
      const code = decodeString(payload, /^E[A-Z0-9]{1,30}$/);
      this.#pending.delete(request);
      pending.reject(new XenstoreError(code, pending.action));
      return;
    }
    if (type !== pending.type)
      throw new MalformedMessage(`a reply of type ${type} to a request of type ${pending.type}`);
    const value = pending.decode(payload);
    this.#pending.delete(request);
    pending.resolve(value);
  }

  /** Checks again when the oldest request could time out. */
  #checkReplyTimeout(): void {
    this.#replyTimer = undefined;
    const [oldest] = this.#pending.values();
    if (!oldest) return;
    const left = Math.max(oldest.since, this.#lastReply) + REPLY_TIMEOUT - this.clock.now();
    if (left > 0) this.#replyTimer = this.clock.after(left, () => this.#checkReplyTimeout());
    else this.#end(unreachable(this.path, `it has not answered for ${REPLY_TIMEOUT / 1_000} s.`));
  }

  #end(reason: JitsuError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#replyTimer?.[Symbol.dispose]();
    this.socket.destroy();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    this.#tellLost(reason);
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
