import { Worker } from 'node:worker_threads';
import { CallFailed } from './call-failed.js';
import type { CallReply, CallRequest, Ready } from './native/call-worker.js';
import type { Operations } from './native/operations.js';

const PROGRAM = new URL('./native/call-worker.js', import.meta.url);

interface Call {
  readonly request: CallRequest;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * Threads that make libvirt's blocking calls, so that the main thread never blocks. They are started on demand, up to a
 * limit, and one after another, since each start blocks the thread that starts it. A call goes to the first free
 * thread: while a new one starts, another may become free earlier.
 */
export class CallPool {
  #starting: Worker | undefined;
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
   * Ends the threads. A thread within a call ends when that returns, and is not waited for; the caller of that call
   * gets an error. Calls made after this start new threads.
   */
  async close(): Promise<void> {
    const calls = [...this.#waiting.splice(0), ...this.#busy.values()];
    for (const call of calls) call.reject(new CallFailed({ kind: 'closed', message: 'the connection was closed' }));
    this.#busy.clear();
    const starting = this.#starting;
    this.#starting = undefined;
    const started = new Promise<void>((resolve) => (starting ? starting.once('exit', () => resolve()) : resolve()));
    await Promise.all([started, ...this.#idle.splice(0).map((worker) => worker.terminate())]);
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const worker = this.#idle.pop() as Worker;
      const call = this.#waiting.shift() as Call;
      this.#busy.set(worker, call);
      worker.ref();
      worker.postMessage(call.request);
    }
    if (this.#waiting.length > 0 && this.#busy.size < this.size) this.#starting ??= this.#start();
  }

  #start(): Worker {
    // The process's own Node flags are not passed on: threads do not accept some of them.
    const worker = new Worker(PROGRAM, { name: 'libvirt call', execArgv: [] });
    worker.on('message', (message: CallReply | Ready) => {
      if (worker === this.#starting) this.#addWorker(worker);
      else if (message !== 'ready' && this.#busy.has(worker)) this.#end(worker, message);
      // The pool was closed. If the thread had been ended earlier, within koffi, the process would have crashed.
      else void worker.terminate();
    });
    worker.on('error', (error) => this.#lose(worker, error.stack ?? error.message));
    return worker;
  }

  #addWorker(worker: Worker): void {
    this.#starting = undefined;
    this.#rest(worker);
  }

  #end(worker: Worker, reply: CallReply): void {
    const call = this.#busy.get(worker);
    this.#busy.delete(worker);
    if ('failure' in reply) call?.reject(new CallFailed(reply.failure));
    else call?.resolve(reply.result);
    this.#rest(worker);
  }

  #rest(worker: Worker): void {
    this.#idle.push(worker);
    // An idle thread must not keep the process from ending.
    worker.unref();
    this.#next();
  }

  /** Handles the death of a thread: at its start, for lack of resources, the call fails that it was started for. */
  #lose(worker: Worker, message: string): void {
    const call = this.#starting === worker ? this.#waiting.shift() : this.#busy.get(worker);
    if (this.#starting === worker) this.#starting = undefined;
    this.#busy.delete(worker);
    if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1);
    call?.reject(new CallFailed({ kind: 'defect', message }));
    this.#next();
  }
}
