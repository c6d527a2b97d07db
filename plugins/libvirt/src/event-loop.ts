import { Worker } from 'node:worker_threads';
import { CallFailed } from './call-failed.js';
import type { EventMessage, EventOrder } from './native/event-worker.js';
import type { Pointer } from './native/libvirt-library.js';

const PROGRAM = new URL('./native/event-worker.js', import.meta.url);

export type DomainEvent = Extract<EventMessage, { kind: 'domain' }>;

/** Receives the events of one connection. */
export interface EventListener {
  onDomain(event: DomainEvent): void;
  /** Its other side has gone. */
  onClosed(): void;
}

interface Listening {
  readonly listener: EventListener;
  readonly forgotten?: () => void;
}

/**
 * The thread that runs libvirt's event loop. libvirt has one per process, which cannot be unregistered: it is started
 * with the first connection, serves all, and ends with the process.
 */
export class EventLoop {
  static #shared: Promise<EventLoop> | undefined;

  readonly #listening = new Map<Pointer, Listening>();

  private constructor(
    private readonly worker: Worker,
    readonly lifecycle: Pointer,
  ) {}

  /** @throws CallFailed where the library is not installed */
  static shared(): Promise<EventLoop> {
    EventLoop.#shared ??= EventLoop.#start().catch((error: unknown) => {
      // The library may be installed by the time of the next attempt.
      EventLoop.#shared = undefined;
      throw error;
    });
    return EventLoop.#shared;
  }

  /** Receives the events of an open connection until `forget`. */
  listen(connection: Pointer, listener: EventListener): void {
    this.#listening.set(connection, { listener });
    this.#order({ kind: 'watch', connection });
  }

  /** Stops receiving its events. Resolves when the thread does not use it any more: it may be closed then. */
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
      // The process's own Node flags are not passed on: threads do not accept some of them.
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
    // Its thread must not keep the process from ending, unless a caller waits for it.
    if (![...this.#listening.values()].some((other) => other.forgotten)) this.worker.unref();
  }
}
