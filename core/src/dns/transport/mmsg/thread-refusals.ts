import type { Clock } from '../../../contracts/clock.js';
import type { Milliseconds } from '../../../contracts/milliseconds.js';
import type { Refusals } from '../../admission/refusals.js';
import { REFUSAL_WORDS, type ThreadRefusal } from './thread-state.js';

/** How long refusals gather in the thread once one was announced: it has no news for the main thread meanwhile. */
const SETTLING: Milliseconds = 250;

/** Takes over what a thread has refused by itself: a flood that it drops costs the main thread a few turns a second. */
export class ThreadRefusals {
  private readonly announced = new Map<ThreadRefusal, string>();
  private timer: Disposable | undefined;

  constructor(
    private readonly state: Int32Array,
    private readonly refusals: Pick<Refusals, 'add'>,
    private readonly clock: Pick<Clock, 'after'>,
  ) {}

  /** The thread has begun to count such refusals, the first of them of this client. */
  announce(kind: ThreadRefusal, client: string): void {
    this.announced.set(kind, client);
    this.timer ??= this.clock.after(SETTLING, () => this.settle());
  }

  /** Takes over all that was announced, now. */
  settle(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
    for (const [kind, client] of this.announced) {
      this.refusals.add(kind, client, Atomics.exchange(this.state, REFUSAL_WORDS[kind], 0));
    }
    this.announced.clear();
  }

  /** The thread has died: what it has counted without saying so would keep its successor from saying anything. */
  forget(): void {
    this.settle();
    for (const word of Object.values(REFUSAL_WORDS)) Atomics.store(this.state, word, 0);
  }
}
