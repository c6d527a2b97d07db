import { Worker } from 'node:worker_threads';
import { JitsuError, type JitsuErrorCode } from '../errors.js';
import { storeNotWritten } from './store-unreadable.js';
import type { StoreCalls, StoreOrder, StoreReply, StoreRequest } from './store-worker.js';

const PROGRAM = new URL('./store-worker.js', import.meta.url);

/** In MiB. Without a limit the thread keeps the garbage of its look at all records. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

interface Asked {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The thread that has a store open: SQLite waits for the disk, and DNS responses must not. */
export class StoreThread {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  /** In the order of the requests, which is that of the replies. */
  readonly #asked: Asked[] = [];
  #failure: Error | undefined;

  constructor(order: StoreOrder) {
    this.#worker = new Worker(PROGRAM, { name: 'store', workerData: order, execArgv: [], resourceLimits: LIMITS });
    this.#worker.unref();
    this.#worker.on('message', (reply: StoreReply) => this.#answered(reply));
    this.#worker.on('error', (error) => (this.#failure = error));
    this.#exited = new Promise((resolve) => {
      // All messages of the thread have been delivered before `exit`.
      this.#worker.on('exit', () => {
        const failure = storeNotWritten(order.folder, this.#failure ?? 'its thread has ended', 'Start Jitsu again.');
        this.#failure = failure;
        for (const asked of this.#asked.splice(0)) asked.reject(failure);
        resolve();
      });
    });
  }

  /** Asks the thread to do something, after all that it was asked before. */
  ask<Call extends keyof StoreCalls>(
    call: Call,
    ...words: Parameters<StoreCalls[Call]>
  ): Promise<ReturnType<StoreCalls[Call]>> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      // Nothing but a request keeps the process from its end.
      if (this.#asked.push({ resolve, reject }) === 1) this.#worker.ref();
      this.#worker.postMessage([call, words] satisfies StoreRequest);
    }) as Promise<ReturnType<StoreCalls[Call]>>;
  }

  /** Resolves when the thread has ended; what is under way is finished where it was asked to close. */
  async end(isClosed: boolean): Promise<void> {
    this.#worker.ref();
    if (!isClosed) void this.#worker.terminate();
    await this.#exited;
  }

  #answered(reply: StoreReply): void {
    const asked = this.#asked.shift();
    if (this.#asked.length === 0) this.#worker.unref();
    if ('result' in reply) asked?.resolve(reply.result);
    else if (isJitsuCode(reply.code)) {
      asked?.reject(new JitsuError(reply.code, reply.message));
    } else asked?.reject(new Error(reply.message));
  }
}

/** The thread is of this very version, and so are its codes. */
function isJitsuCode(code: string | undefined): code is JitsuErrorCode {
  return code?.startsWith('JITSU_') === true;
}
