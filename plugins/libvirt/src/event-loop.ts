import { Worker } from 'node:worker_threads';
import { CallFailed } from './call-failed.js';
import type { EventMessage, EventOrder } from './native/event-worker.js';
import type { Pointer } from './native/libvirt-library.js';

const PROGRAM = new URL('./native/event-worker.js', import.meta.url);

export type DomainEvent = Extract<EventMessage, { kind: 'domain' }>;

/** Who listens to one connection. */
export interface EventListener {
  onDomain(event: DomainEvent): void;
  /** Its other side is gone. */
  onClosed(): void;
}

interface Listening {
  readonly listener: EventListener;
  readonly forgotten?: () => void;
}

/**
 * The thread that runs libvirt's event loop. libvirt has one in a process, which cannot be taken back: it is started
 * with the first connection, serves all, and ends with the process.
 */
export class EventLoop {
  static #shared: Promise<EventLoop> | undefined;

  readonly #listening = new Map<Pointer, Listening>();

  private constructor(
    private readonly worker: Worker,
    readonly lifecycle: Pointer,
  ) {}

  /** @throws CallFailed where the library is not there */
  static shared(): Promise<EventLoop> {
    EventLoop.#shared ??= EventLoop.#start().catch((error: unknown) => {
      // The library may be installed by the time of the next attempt.
      EventLoop.#shared = undefined;
      throw error;
    });
    return EventLoop.#shared;
  }

  /** Hears the events of a connection that is open, and goes on hearing them until it is forgotten. */
  listen(connection: Pointer, listener: EventListener): void {
    this.#listening.set(connection, { listener });
    this.#order({ kind: 'watch', connection });
  }

  /** Hears nothing of it any more. Resolves when the thread does not look into it any more either: it may be closed. */
  forget(connection: Pointer): Promise<void> {
    return new Promise((forgotten) => {
      const listener = { onDomain: () => undefined, onClosed: () => undefined };
      this.#listening.set(connection, { listener, forgotten });
      this.worker.ref();
      this.#order({ kind: 'forget', connection });
    });
  }

  static #start(): Promise<EventLoop> {
    return new Promise((resolve, reject) => {
      // Node's flags are meant for whoever was started with them: some of them no thread takes.
      const worker = new Worker(PROGRAM, { name: 'libvirt events', execArgv: [] });
      let loop: EventLoop | undefined;
      worker.on('error', (error) => {
        reject(new CallFailed({ kind: 'defect', message: error.stack ?? error.message }));
      });
      worker.on('message', (message: EventMessage) => {
        if (message.kind === 'failed') {
          reject(new CallFailed(message.failure));
        } else if (message.kind === 'ready') {
          worker.unref();
          loop = new EventLoop(worker, message.lifecycle);
          resolve(loop);
        } else if (loop) {
          loop.#hear(message);
        }
      });
    });
  }

  #order(order: EventOrder): void {
    this.worker.postMessage(order);
  }

  #hear(message: Exclude<EventMessage, { kind: 'ready' | 'failed' }>): void {
    const { connection } = message;
    const listening = this.#listening.get(connection);
    if (message.kind === 'domain') listening?.listener.onDomain(message);
    else if (message.kind === 'closed') listening?.listener.onClosed();
    else this.#end(connection);
  }

  #end(connection: Pointer): void {
    const { forgotten } = this.#listening.get(connection) ?? {};
    this.#listening.delete(connection);
    forgotten?.();
    // Its thread must not keep the process from ending, unless somebody waits for it.
    if (![...this.#listening.values()].some((other) => other.forgotten)) this.worker.unref();
  }
}
