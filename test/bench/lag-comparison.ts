import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LoopWatch, type LoopLag } from './loop-watch.js';

const IDLE_LOOP = fileURLToPath(new URL('idle-loop.js', import.meta.url));

/** How late this thread's event loop was, and at the same time, for want of a quiet machine, that of an idle process. */
export interface ComparedLag {
  readonly ours: LoopLag;
  readonly idle: LoopLag;
}

/** An idle process to compare with. */
export class LagComparison implements AsyncDisposable {
  readonly #child: ChildProcess = fork(IDLE_LOOP);

  async during(task: () => Promise<unknown>): Promise<ComparedLag> {
    await this.#ask('start');
    const watch = await LoopWatch.start();
    await task();
    const ours = await watch.end();
    return { ours, idle: (await this.#ask('end')) as LoopLag };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }

  async #ask(question: string): Promise<unknown> {
    const answered = once(this.#child, 'message');
    this.#child.send(question);
    const [answer] = (await answered) as [unknown];
    return answer;
  }
}
