import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import workerThreads, { MessageChannel, Worker, type MessagePort, type WorkerOptions } from 'node:worker_threads';
import type { ThreadOrder } from './thread-probe.js';

const PROBE = new URL('thread-probe.js', import.meta.url).href;

/** All threads that this process starts from now on, each with a probe in it. */
export class ProbedThreads {
  readonly #ports = new Map<string, MessagePort>();

  constructor() {
    const add = (name: string, port: MessagePort): void => void this.#ports.set(name, port);
    const remove = (name: string): void => void this.#ports.delete(name);
    workerThreads.Worker = class extends Worker {
      constructor(program: string | URL, options: WorkerOptions = {}) {
        const { port1, port2 } = new MessageChannel();
        const probe = { execArgv: ['--import', PROBE], workerData: port2, transferList: [port2] };
        super(program, { ...options, ...probe });
        const name = `${options.name} ${this.threadId}`;
        add(name, port1);
        port1.unref();
        this.once('exit', () => remove(name));
      }
    };
    syncBuiltinESMExports();
  }

  /** The heap of each, in bytes, by the thread's name and number. */
  async heaps(): Promise<Map<string, number>> {
    const heaps = new Map<string, number>();
    for (const [name, port] of this.#ports) {
      const told = once(port, 'message');
      port.ref();
      port.postMessage('tell' satisfies ThreadOrder);
      heaps.set(name, ((await told) as [number])[0]);
      port.unref();
    }
    return heaps;
  }

  leak(): void {
    for (const port of this.#ports.values()) port.postMessage('leak' satisfies ThreadOrder);
  }
}
