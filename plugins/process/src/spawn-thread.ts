import { Worker } from 'node:worker_threads';
import type { Exit } from './exit.js';
import type { SpawnNews, SpawnOrder } from './spawn-order.js';

const PROGRAM = new URL('./spawn-worker.js', import.meta.url);

/** A child that came to life. */
export interface LiveChild {
  readonly pid: number;
  /** Resolves when it has ended. */
  readonly exited: Promise<Exit>;
}

interface OpenOrder {
  readonly resolve: (child: LiveChild) => void;
  readonly reject: (error: Error) => void;
}

/** Spawns programs in a thread apart, so that the main thread answers queries meanwhile, and tells of their ends. */
export class SpawnThread {
  readonly #worker = new Worker(PROGRAM, { name: 'spawn', execArgv: [] });
  readonly #orders = new Map<number, OpenOrder>();
  readonly #exits = new Map<number, (exit: Exit) => void>();
  #count = 0;
  #failure: Error | undefined;

  constructor() {
    this.#worker.on('message', (news: SpawnNews) => this.#take(news));
    this.#worker.on('error', (error) => this.#fail(error));
    // A program that runs is no reason for Jitsu to go on.
    this.#worker.unref();
  }

  /** @throws what spawn(2) failed with, its `code` included */
  spawn(order: Omit<SpawnOrder, 'number'>): Promise<LiveChild> {
    if (this.#failure) return Promise.reject(this.#failure);
    const number = this.#count++;
    this.#worker.ref();
    this.#worker.postMessage({ ...order, number } satisfies SpawnOrder);
    return new Promise((resolve, reject) => this.#orders.set(number, { resolve, reject }));
  }

  /** Takes no more orders; those under way are still carried out. The thread ends by itself with its last child. */
  close(): void {
    this.#failure ??= new Error('the thread that spawns was closed');
    this.#worker.postMessage('close');
  }

  #take(news: SpawnNews): void {
    const order = this.#orders.get(news.number);
    if ('exit' in news) {
      this.#exits.get(news.number)?.(news.exit);
      this.#exits.delete(news.number);
    } else {
      this.#settled(news.number);
      if ('pid' in news) order?.resolve({ pid: news.pid, exited: this.#exitOf(news.number) });
      else order?.reject(Object.assign(new Error(news.failure.message), { code: news.failure.code }));
    }
  }

  #exitOf(number: number): Promise<Exit> {
    return new Promise((resolve) => this.#exits.set(number, resolve));
  }

  #settled(number: number): void {
    this.#orders.delete(number);
    if (this.#orders.size === 0) this.#worker.unref();
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const [number, { reject }] of this.#orders) {
      this.#settled(number);
      reject(error);
    }
  }
}
