import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { FROZEN } from './disposable-clock.js';

interface Entry<T> {
  readonly item: T;
  readonly due: Milliseconds;
}

/**
 * The timer is set for at most this part of the time until the first deadline, so that it is known how long a freeze has
 * lasted. A shorter one that passes unnoticed leaves the other parts.
 */
const WATCHED_PART = 1 / 8;

/** The time for which it is set even where that is more. */
const SHORTEST_WATCH: Milliseconds = 5_000;

/** Calls back for each item at its deadline, with a single timer and a binary heap. */
export class DeadlineQueue<T> implements Disposable {
  readonly #heap: Entry<T>[] = [];
  /** The valid entry of each item; replaced entries stay in the heap until their time. */
  readonly #current = new Map<T, Entry<T>>();
  #timer: Disposable | undefined;
  #timerDue: Milliseconds = Infinity;
  #armedAt: Milliseconds = 0;

  constructor(
    private readonly clock: Clock,
    private readonly onDue: (item: T) => void,
    /** Called before what is due, where the timer came so late that nothing can have run meanwhile. */
    private readonly onFrozen: (from: Milliseconds, to: Milliseconds) => void = () => {},
  ) {}

  /** Sets or moves the item's deadline; `Infinity` or NaN removes it. */
  set(item: T, due: Milliseconds): void {
    if (this.#current.get(item)?.due === due) return;
    if (!(due < Infinity)) return this.delete(item);
    const entry = { item, due };
    this.#current.set(item, entry);
    this.#push(entry);
    this.#arm();
  }

  delete(item: T): void {
    this.#current.delete(item);
  }

  /** Calls back no more, whatever is set from now on. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timerDue = -Infinity;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.due >= this.#timerDue) return;
    this.#timer?.[Symbol.dispose]();
    this.#armedAt = this.clock.now();
    const watch = Math.max(SHORTEST_WATCH, (first.due - this.#armedAt) * WATCHED_PART);
    this.#timerDue = Math.min(first.due, this.#armedAt + watch);
    this.#timer = this.clock.after(this.#timerDue - this.#armedAt, () => this.#ring());
  }

  #ring(): void {
    const now = this.clock.now();
    // A deadline may have passed before it was set.
    if (now - Math.max(this.#timerDue, this.#armedAt) > FROZEN) this.onFrozen(this.#armedAt, now);
    this.#timerDue = Infinity;
    for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
      this.#pop();
      if (this.#current.get(first.item) !== first) continue;
      this.#current.delete(first.item);
      this.onDue(first.item);
    }
    this.#arm();
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.due <= entry.due) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.due < heap[child]!.due) child += 1;
      if (last.due <= heap[child]!.due) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}
