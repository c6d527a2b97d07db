import { JitsuError } from '../errors.js';

/**
 * Lets a bounded number of boots run at once; a bounded number waits, first come, first served. Each unikernel has one
 * summon at a time, so that none can hold more than one place.
 */
export class BootQueue {
  #booting = 0;
  #isHeld = false;
  #closed: JitsuError | undefined;
  /** The boots that wait, each by what is called when its turn has come, with what is called when it never comes. */
  readonly #waiting = new Map<() => void, (reason: JitsuError) => void>();

  constructor(
    private readonly limit: number,
    private readonly longest: number,
    /** Called when the first boot begins, and when none is left. */
    private readonly onBooting: (booting: boolean) => void = () => {},
  ) {}

  get booting(): number {
    return this.#booting;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when it is this boot's turn, to a function that releases the place (once; further calls do nothing).
   * Rejects with the signal's reason when it aborts first.
   * @throws JITSU_BOOT_QUEUE_FULL, and the reason of {@link close}
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#closed) throw this.#closed;
    if (this.#booting < this.limit && !this.#isHeld) this.#begin();
    else await this.#wait(signal);
    let held = true;
    return () => {
      if (held) this.#leave();
      held = false;
    };
  }

  /** Lets no boot begin until the returned function is called. */
  hold(): () => void {
    this.#isHeld = true;
    return () => {
      this.#isHeld = false;
      for (const next of [...this.#waiting.keys()].slice(0, this.limit - this.#booting)) {
        this.#waiting.delete(next);
        this.#begin();
        next();
      }
    };
  }

  /** Lets no boot begin from now on, and rejects those that wait; those that have a place keep it. */
  close(reason: JitsuError): void {
    this.#closed = reason;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const reject of waiting) reject(reason);
  }

  #begin(): void {
    this.#booting += 1;
    if (this.#booting === 1) this.onBooting(true);
  }

  #wait(signal: AbortSignal): Promise<void> {
    // Those who would boot by now, were they let, wait in no queue.
    if (this.#waiting.size >= this.longest + (this.#isHeld ? this.limit : 0)) {
      throw new JitsuError(
        'JITSU_BOOT_QUEUE_FULL',
        `${this.limit} unikernels are booting and ${this.longest} wait for their turn. Ask again, or raise boot.limit or boot.queue.`,
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.set(resolve, reject);
      signal.addEventListener('abort', () => {
        this.#waiting.delete(resolve);
        reject(signal.reason as Error);
      });
    });
  }

  #leave(): void {
    const [next] = this.#waiting.keys();
    if (next === undefined) {
      this.#booting -= 1;
      if (this.#booting === 0) this.onBooting(false);
      return;
    }
    // The place is passed on directly, so that no boot that comes in between can take it.
    this.#waiting.delete(next);
    next();
  }
}
