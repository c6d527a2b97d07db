import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { AbuseCounts, AbuseTask } from './abuse-task.js';

/** The thread that abuses a Jitsu. */
export class Abuse {
  counts: AbuseCounts = { datagrams: 0, messages: 0, connections: 0, missing: 0, answers: 0 };
  readonly #worker: Worker;

  constructor(task: AbuseTask) {
    this.#worker = new Worker(new URL('abuse-worker.js', import.meta.url), { workerData: task });
    this.#worker.on('message', (counts: AbuseCounts) => (this.counts = counts));
  }

  /** Resolves when everything is closed. */
  async end(): Promise<void> {
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage('end');
    await ended;
  }
}
