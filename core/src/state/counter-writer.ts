import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { StateStore, StoredCounters } from '../contracts/state-store.js';
import { errorMessage } from '../errors.js';

/** The time between a change and its way to the store, in milliseconds: what a crash can lose. */
const interval = 1_000;

/** How many are read and written at once, so that a busy second of 100,000 unikernels does not hold up the answers. */
const batch = 1_000;

/** Takes counters to the store, at most once a second, whatever changes meanwhile. */
export class CounterWriter<Subject> {
  #changed = new Set<Subject>();
  #alarm: Disposable | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;

  /** @param countersOf reads the counters of what was marked, when they are written */
  constructor(
    private readonly store: StateStore,
    private readonly countersOf: (subject: Subject) => StoredCounters,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Its counters have changed. Cheap enough for every query. */
  mark(subject: Subject): void {
    this.#changed.add(subject);
    if (this.#writing === undefined) this.#alarm ??= this.clock.after(interval, () => void this.flush());
  }

  /** Writes what has changed, now. Never rejects: what could not be written is logged, and tried again in a second. */
  async flush(): Promise<void> {
    await this.#writing;
    this.#alarm?.[Symbol.dispose]();
    this.#alarm = undefined;
    this.#writing ??= this.#write();
    await this.#writing;
  }

  /** Writes what has changed, and never again. */
  async close(): Promise<void> {
    await this.flush();
    this.#alarm?.[Symbol.dispose]();
    this.#alarm = undefined;
  }

  async #write(): Promise<void> {
    const subjects = [...this.#changed];
    this.#changed.clear();
    let written = 0;
    try {
      for (; written < subjects.length; written += batch) {
        await this.store.saveCounters(subjects.slice(written, written + batch).map(this.countersOf));
      }
      if (this.#failing) this.logger.info({}, 'the counters are written to the store again');
      this.#failing = false;
    } catch (error) {
      for (const subject of subjects.slice(written)) this.#changed.add(subject);
      if (!this.#failing) {
        const message = `the counters could not be written to the store: ${errorMessage(error)}; trying again every second`;
        this.logger.warn({ error }, message);
      }
      this.#failing = true;
    } finally {
      this.#writing = undefined;
      if (this.#changed.size > 0) this.#alarm ??= this.clock.after(interval, () => void this.flush());
    }
  }
}
