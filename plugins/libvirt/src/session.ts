import { CallFailed } from './call-failed.js';
import type { CallPool } from './call-pool.js';
import { EventLoop, type DomainEvent } from './event-loop.js';
import type { Pointer } from './native/libvirt-library.js';
import type { OpenConnection } from './native/operations.js';

/**
 * One virConnect, from its opening to its end. It is closed only when no call uses it any more: a call within another
 * thread would otherwise access freed memory.
 */
export class Session {
  /** Resolves, with the reason, when the other side has gone. */
  readonly lost: Promise<CallFailed>;
  readonly #calls = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  private constructor(
    private readonly connection: OpenConnection,
    private readonly loop: EventLoop,
    private readonly pool: CallPool,
    onDomain: (event: DomainEvent) => void,
  ) {
    this.lost = new Promise((resolve) => {
      const onClosed = (): void => resolve(new CallFailed({ kind: 'closed', message: 'the connection ended' }));
      loop.listen(connection.pointer, { onDomain, onClosed });
    });
  }

  /** @throws CallFailed */
  static async open(uri: string, pool: CallPool, onDomain: (event: DomainEvent) => void): Promise<Session> {
    const loop = await EventLoop.shared();
    const connection = await pool.call('open', uri, loop.lifecycle);
    return new Session(connection, loop, pool, onDomain);
  }

  /** Whether the driver reports events of its domains. */
  get tellsEvents(): boolean {
    return this.connection.eventRegistration !== undefined;
  }

  /** Uses the connection; it is not closed before `action` has ended. */
  async use<T>(action: (pointer: Pointer) => Promise<T>): Promise<T> {
    const call = action(this.connection.pointer);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Receives no events from now on; must not be used any more. Resolves when the connection is closed. */
  end(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([this.loop.forget(this.connection.pointer), Promise.allSettled(this.#calls)]);
    // A connection that cannot be closed any more has ended with its other side.
    await this.pool.call('close', this.connection).catch(() => undefined);
  }
}
