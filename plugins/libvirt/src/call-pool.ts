import { Worker } from 'node:worker_threads';
import { CallFailed } from './call-failed.js';
import type { CallReply, CallRequest } from './native/call-worker.js';
import type { Operations } from './native/operations.js';

const PROGRAM = new URL('./native/call-worker.js', import.meta.url);

interface Call {
  readonly request: CallRequest;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * Threads that make libvirt's blocking calls, so that this one never waits. They are started when they are needed, up to
 * a number; calls beyond it wait for their turn.
 */
export class CallPool {
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Call>();
  readonly #waiting: Call[] = [];

  constructor(private readonly size: number) {}

  /** @throws CallFailed */
  call<Name extends keyof Operations>(
    operation: Name,
    ...parameters: Parameters<Operations[Name]>
  ): Promise<ReturnType<Operations[Name]>> {
    return new Promise((resolve, reject) => {
      const request = { operation, parameters };
      this.#waiting.push({ request, resolve, reject });
      this.#next();
    });
  }

  /**
   * Ends the threads. One that is within a call ends when that returns, for which nobody waits here; whoever waits for
   * its result is told. Calls made after this start new threads.
   */
  async close(): Promise<void> {
    const calls = [...this.#waiting.splice(0), ...this.#busy.values()];
    for (const call of calls) call.reject(new CallFailed({ kind: 'closed', message: 'the connection was closed' }));
    for (const worker of this.#busy.keys()) void worker.terminate();
    this.#busy.clear();
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#busy.size < this.size ? this.#start() : undefined);
    if (worker === undefined) return;
    const call = this.#waiting.shift() as Call;
    this.#busy.set(worker, call);
    worker.ref();
    worker.postMessage(call.request);
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { name: 'libvirt call' });
    worker.on('message', (reply: CallReply) => this.#end(worker, reply));
    worker.on('error', (error) => this.#lose(worker, error.stack ?? error.message));
    return worker;
  }

  #end(worker: Worker, reply: CallReply): void {
    const call = this.#busy.get(worker);
    if (call === undefined) return;
    this.#busy.delete(worker);
    this.#idle.push(worker);
    // An idle thread must not keep the process from ending.
    worker.unref();
    if ('failure' in reply) call.reject(new CallFailed(reply.failure));
    else call.resolve(reply.result);
    this.#next();
  }

  /** A thread that died: it could not load what it needs. */
  #lose(worker: Worker, message: string): void {
    this.#busy.get(worker)?.reject(new CallFailed({ kind: 'defect', message }));
    this.#busy.delete(worker);
    if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1);
    this.#next();
  }
}
