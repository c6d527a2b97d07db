import { type Clock, type Milliseconds } from '@jitsud/core/plugin';

/** A sleep that can be ended early. */
export class Wake {
  #rung = false;
  #sleeper = new AbortController();

  constructor(private readonly clock: Clock) {}

  /** Ends the current sleep, or else the next one at once. */
  ring(): void {
    this.#rung = true;
    this.#sleeper.abort();
  }

  async sleep(delay: Milliseconds): Promise<void> {
    if (!this.#rung) {
      this.#sleeper = new AbortController();
      // It rejects only on `ring`.
      await this.clock.sleep(delay, this.#sleeper.signal).catch(() => undefined);
    }
    this.#rung = false;
  }
}
