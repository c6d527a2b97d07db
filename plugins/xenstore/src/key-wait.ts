import { BackOff, untilAborted, type Milliseconds } from '@jitsud/core/plugin';
import { XenstoreError } from './xenstore-error.js';
import { Xenstore, type XenstoreOptions } from './xenstore.js';

/** xenstored may start, or restart, during a wait of seconds. */
const FIRST_PAUSE: Milliseconds = 50;
const LONGEST_PAUSE: Milliseconds = 1_000;

/** One wait for one key to appear, over a connection of its own. */
export class KeyWait {
  /** What prevents an answer at the moment; a key that does not exist yet is no obstacle. */
  obstacle: unknown;

  constructor(
    private readonly path: string,
    private readonly options: XenstoreOptions,
  ) {}

  /** Resolves when the key exists; rejects with the signal's reason when it aborts first. */
  async run(signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#attempt(signal);
      } catch (error) {
        signal.throwIfAborted();
        this.obstacle = error;
      }
      await this.options.clock.sleep(backOff.after(failures), signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const onLost = (reason: unknown): void => {
      this.obstacle = reason;
    };
    await using xenstore = await Xenstore.open({ ...this.options, onLost }, signal);
    const { promise, resolve, reject } = settleable();
    const look = async (): Promise<void> => {
      const isThere = await xenstore.exists(this.path);
      this.obstacle = undefined;
      if (isThere) resolve();
    };
    // The first look comes by itself, and another one when a lost connection is back.
    const watched = xenstore.watch(this.path, () => {
      look().catch((error: unknown) => {
        if (error instanceof XenstoreError) reject(error);
      });
    });
    await untilAborted(watched, signal);
    await untilAborted(promise, signal);
  }
}

function settleable(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((...settle) => ([resolve, reject] = settle));
  // It may settle before a caller waits for it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
