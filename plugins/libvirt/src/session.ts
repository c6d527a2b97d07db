import { CallFailed } from './call-failed.js';
import type { CallPool } from './call-pool.js';
import { EventLoop, type DomainEvent } from './event-loop.js';
import type { Pointer } from './native/libvirt-library.js';
import type { OpenConnection } from './native/operations.js';

/** virConnectCloseReason. */
const CLOSE_REASONS = [
  'an I/O error',
  'it closed the connection',
  'it gives no sign of life',
  'we closed the connection',
];

/**
 * One virConnect, from its opening to its end. It is closed only when nobody uses it any more: a thread within a call
 * would else look into memory that is gone.
 */
export class Session {
  /** Resolves, with the reason, when the other side is gone. */
  readonly lost: Promise<CallFailed>;
  #listening!: Disposable;
  #calls = 0;
  #ended = false;
  readonly #closed: Promise<void>;
  #close: () => void = () => undefined;

  private constructor(
    private readonly connection: OpenConnection,
    loop: EventLoop,
    private readonly pool: CallPool,
    onDomain: (event: DomainEvent) => void,
  ) {
    this.#closed = new Promise((resolve) => (this.#close = resolve));
    this.lost = new Promise((resolve) => {
      const onClosed = (reason: number): void => {
        const message = CLOSE_REASONS[reason] ?? `it closed the connection for reason ${reason}`;
        resolve(new CallFailed({ kind: 'closed', message }));
      };
      this.#listening = loop.listen(connection.pointer, { onDomain, onClosed });
    });
  }

  /** @throws CallFailed */
  static async open(uri: string, pool: CallPool, onDomain: (event: DomainEvent) => void): Promise<Session> {
    const loop = await EventLoop.shared();
    const connection = await pool.call('open', uri, loop.callbacks);
    return new Session(connection, loop, pool, onDomain);
  }

  /** Whether the driver tells what happens to its domains. */
  get tellsEvents(): boolean {
    return this.connection.eventRegistration !== undefined;
  }

  /** Uses the connection; it is not closed before `action` has ended. */
  async use<T>(action: (pointer: Pointer) => Promise<T>): Promise<T> {
    this.#calls += 1;
    try {
      return await action(this.connection.pointer);
    } finally {
      this.#calls -= 1;
      this.#closeIfUnused();
    }
  }

  /** Hears no events from now on. Resolves when the connection is closed. */
  end(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true;
      this.#listening[Symbol.dispose]();
      this.#closeIfUnused();
    }
    return this.#closed;
  }

  #closeIfUnused(): void {
    if (!this.#ended || this.#calls > 0) return;
    // What cannot be closed any more is gone with its other side.
    this.pool.call('close', this.connection).then(this.#close, this.#close);
  }
}
