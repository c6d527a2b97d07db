import { Worker } from 'node:worker_threads';
import type { ClientReply, ClientRequest } from './native/client-worker.js';

const PROGRAM = new URL('./native/client-worker.js', import.meta.url);

/** The thread that makes libxenvchan's calls, so that the main thread never blocks. It is restarted when it dies. */
export class ClientThread {
  #worker: Worker | undefined;
  readonly #waiting: ((reply: ClientReply) => void)[] = [];

  /** Never rejects: failures are replies, too. Replies come in the order of the requests. */
  ask(request: ClientRequest): Promise<ClientReply> {
    return new Promise((resolve) => {
      this.#worker ??= this.#start();
      this.#waiting.push(resolve);
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  /** Closes the channel and ends the thread, after the earlier requests. */
  async close(): Promise<void> {
    if (this.#worker === undefined) return;
    await this.ask({ operation: 'close' });
    const worker = this.#worker;
    this.#worker = undefined;
    await worker.terminate();
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { name: 'synjitsu' });
    worker.on('message', (reply: ClientReply) => {
      this.#waiting.shift()?.(reply);
      // An idle thread must not keep the process from ending.
      if (this.#waiting.length === 0) worker.unref();
    });
    worker.on('error', (error) => {
      this.#worker = undefined;
      const message = error.stack ?? error.message;
      for (const resolve of this.#waiting.splice(0)) resolve({ outcome: 'defect', message });
    });
    return worker;
  }
}
