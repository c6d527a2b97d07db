import { Worker } from 'node:worker_threads';
import { CallFailed } from './call-failed.js';
import type { EventMessage } from './native/event-worker.js';
import type { Pointer } from './native/libvirt-library.js';
import type { EventCallbacks } from './native/operations.js';

const PROGRAM = new URL('./native/event-worker.js', import.meta.url);

export type DomainEvent = Extract<EventMessage, { kind: 'domain' }>;

/** Who listens to one connection. */
export interface EventListener {
  onDomain(event: DomainEvent): void;
  /** `reason` is a virConnectCloseReason. */
  onClosed(reason: number): void;
}

/**
 * The thread that runs libvirt's event loop. libvirt has one in a process, which cannot be taken back: it is started
 * with the first connection, serves all, and ends with the process.
 */
export class EventLoop {
  static #shared: Promise<EventLoop> | undefined;

  readonly #listeners = new Map<Pointer, EventListener>();

  private constructor(readonly callbacks: EventCallbacks) {}

  /** @throws CallFailed where the library is not there */
  static shared(): Promise<EventLoop> {
    EventLoop.#shared ??= EventLoop.#start().catch((error: unknown) => {
      // The library may be installed by the time of the next attempt.
      EventLoop.#shared = undefined;
      throw error;
    });
    return EventLoop.#shared;
  }

  /** Hears the events of one connection, until disposed. */
  listen(connection: Pointer, listener: EventListener): Disposable {
    this.#listeners.set(connection, listener);
    return {
      [Symbol.dispose]: () => {
        if (this.#listeners.get(connection) === listener) this.#listeners.delete(connection);
      },
    };
  }

  static #start(): Promise<EventLoop> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(PROGRAM, { name: 'libvirt events' });
      let loop: EventLoop | undefined;
      worker.on('error', (error) => {
        reject(new CallFailed({ kind: 'defect', message: error.stack ?? error.message }));
      });
      worker.on('message', (message: EventMessage) => {
        if (message.kind === 'failed') {
          reject(new CallFailed(message.failure));
        } else if (message.kind === 'ready') {
          worker.unref();
          loop = new EventLoop(message.callbacks);
          resolve(loop);
        } else if (loop) {
          loop.#hear(message);
        }
      });
    });
  }

  #hear(message: Extract<EventMessage, { kind: 'domain' | 'closed' }>): void {
    const listener = this.#listeners.get(message.connection);
    if (message.kind === 'domain') listener?.onDomain(message);
    else listener?.onClosed(message.reason);
  }
}
