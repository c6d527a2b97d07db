import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { StateStore, StoredCounters } from '../contracts/state-store.js';
import { errorMessage } from '../errors.js';

/** The delay between a change and its write to the store, in milliseconds: a crash loses at most that much. */
const interval = 1_000;

/** Subjects per write, so that a busy second with 100,000 unikernels does not delay DNS responses. */
const batch = 1_000;

/** Writes changed counters to the store, at most once a second, however often they change. */
export class CounterWriter<Subject> {
  #changed = new Set<Subject>();
  #timer: Disposable | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #closed = false;

  /** @param countersOf returns the counters of a marked subject at the moment of the write */
  constructor(
    private readonly store: StateStore,
    private readonly countersOf: (subject: Subject) => StoredCounters,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Records that the subject's counters have changed. Cheap enough to be called for every query. */
  mark(subject: Subject): void {
    this.#changed.add(subject);
    if (this.#writing === undefined && !this.#closed)
      this.#timer ??= this.clock.after(interval, () => void this.flush());
  }

  /** Writes all pending changes now. Never rejects: a failed write is logged and repeated after a second. */
  async flush(): Promise<void> {
    await this.#writing;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#writing ??= this.#write();
    await this.#writing;
  }

  /** Writes all pending changes, and none that comes later. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
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
      if (this.#changed.size > 0 && !this.#closed) this.#timer ??= this.clock.after(interval, () => void this.flush());
    }
  }
}
