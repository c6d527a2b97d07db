import { Worker } from 'node:worker_threads';
import type { Knock, KnockVerdict } from '../contracts/doorman.js';
import type { ListenFailure, RelayCalls, RelayOrder } from './relay-order.js';
import type { RelayMessage, RelayRequest } from './relay-worker.js';

const PROGRAM = new URL('./relay-worker.js', import.meta.url);

interface Asked {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The thread of the relays, from its start to its end. */
export class RelayThread {
  /** Resolves when it listens, with the ports at which it does not. Rejects where the thread ends before. */
  readonly opened: Promise<readonly ListenFailure[]>;
  /** Resolves with the reason when the thread has ended. */
  readonly ended: Promise<unknown>;
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  #requests = 0;
  #reason: unknown = new Error('the thread of the relays has ended');

  /** @throws where the system cannot create another thread */
  constructor(order: RelayOrder, onKnock: (knock: Knock) => KnockVerdict) {
    // The process's own Node flags are not passed on: threads do not accept some of them.
    this.#worker = new Worker(PROGRAM, { name: 'relay', workerData: order, execArgv: [] });
    let isOpen: (failures: readonly ListenFailure[]) => void;
    let isNot: (reason: unknown) => void;
    this.opened = new Promise((resolve, reject) => {
      isOpen = resolve;
      isNot = reject;
    });
    this.opened.catch(() => undefined);
    this.#worker.on('message', (message: RelayMessage) => {
      if (message.kind === 'opened') return isOpen(message.failures);
      if (message.kind === 'knock') {
        return this.#post({ knock: message.number, verdict: onKnock(message.knock) });
      }
      const asked = this.#asked.get(message.number);
      this.#asked.delete(message.number);
      if (message.kind === 'done') asked?.resolve(message.result);
      else asked?.reject(new Error(message.reason));
    });
    this.#worker.on('error', (error) => (this.#reason = error));
    this.ended = new Promise((resolve) => {
      // All messages of the thread have been delivered before `exit`.
      this.#worker.on('exit', () => {
        isNot(this.#reason);
        for (const asked of this.#asked.values()) asked.reject(this.#reason);
        this.#asked.clear();
        resolve(this.#reason);
      });
    });
  }

  /** Resolves when it has been done. Rejects where the thread has ended. */
  ask<Call extends keyof RelayCalls>(
    call: Call,
    ...words: Parameters<RelayCalls[Call]>
  ): Promise<Awaited<ReturnType<RelayCalls[Call]>>> {
    return new Promise((resolve, reject) => {
      this.#requests += 1;
      this.#asked.set(this.#requests, { resolve: (result) => resolve(result as never), reject });
      this.#post({ number: this.#requests, call, words } as RelayRequest);
    });
  }

  /** Resolves when it has ended, with all its connections. */
  async end(): Promise<void> {
    await Promise.race([this.ask('close').catch(() => undefined), this.ended]);
    await this.#worker.terminate();
    await this.ended;
  }

  #post(request: RelayRequest): void {
    this.#worker.postMessage(request);
  }
}
