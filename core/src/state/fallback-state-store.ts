import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { HistoryQuery, StateStore, StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import { errorCode, errorMessage } from '../errors.js';

/**
 * The configured store, or where that cannot be opened or does not tell what it has, one in memory: Jitsu answers also
 * without its history. What it lacks is told by `problem`.
 */
export class FallbackStateStore implements StateStore {
  #store: StateStore;
  #opened: Promise<void> = Promise.resolve();
  /** Why the configured store is not used. */
  #unusable: string | undefined;
  /** Why the last write has failed. */
  #unwritten: string | undefined;

  /** @param memory takes the place of the configured store; absent where Jitsu ends without that one */
  constructor(
    private readonly configured: StateStore,
    private readonly memory: StateStore | undefined,
    private readonly logger: Logger,
  ) {
    this.#store = configured;
  }

  get durable(): boolean {
    return this.#store.durable;
  }

  /** What is wrong with the store, as a sentence; `undefined` where nothing is. */
  get problem(): string | undefined {
    return this.#unusable ?? this.#unwritten;
  }

  open(): Promise<void> {
    const opened = this.#open();
    // What is asked for meanwhile waits for this, and `open` itself tells its failure.
    this.#opened = opened.catch(() => undefined);
    return opened;
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  /** Those of a start; the next start tries again where they cannot be written. */
  async saveRegistrations(registrations: readonly StoredRegistration[]): Promise<void> {
    try {
      await this.#written(this.#store.saveRegistrations(registrations));
    } catch (error) {
      if (this.memory === undefined) throw error;
      this.logger.warn({ error }, `the registrations are not kept: ${errorMessage(error)}`);
    }
  }

  async registrations(): Promise<readonly StoredRegistration[]> {
    return this.#store.registrations();
  }

  async saveCounters(counters: readonly StoredCounters[]): Promise<void> {
    await this.#written(this.#store.saveCounters(counters));
  }

  async counters(): Promise<readonly StoredCounters[]> {
    try {
      return await this.#store.counters();
    } catch (error) {
      // Counters that begin anew must not be written over those that cannot be read.
      await this.#fallBack(error, true);
      return this.#store.counters();
    }
  }

  async appendEvent(event: LifecycleEvent): Promise<void> {
    await this.#written(this.#store.appendEvent(event));
  }

  async history(query: HistoryQuery): Promise<readonly LifecycleEvent[]> {
    await this.#opened;
    return this.#store.history(query);
  }

  async #open(): Promise<void> {
    try {
      await this.configured.open();
    } catch (error) {
      await this.#fallBack(error, false);
    }
  }

  /** @throws the error where the store is required, and where another Jitsu uses it */
  async #fallBack(error: unknown, isOpen: boolean): Promise<void> {
    const { configured, memory } = this;
    if (memory === undefined || this.#store === memory || errorCode(error) === 'JITSU_STORE_IN_USE') throw error;
    const reason = errorMessage(error).replace(/\.$/, '');
    this.#unusable = `${reason}. Counters and history are kept in memory, until Jitsu ends`;
    this.logger.warn({ error }, `${this.#unusable}; with state.required, Jitsu would not start`);
    await memory.open();
    this.#store = memory;
    if (!isOpen) return;
    await configured.close().catch((failure: unknown) => {
      this.logger.warn({ error: failure }, `the store could not be closed: ${errorMessage(failure)}`);
    });
  }

  async #written(writing: Promise<void>): Promise<void> {
    try {
      await writing;
      this.#unwritten = undefined;
    } catch (error) {
      this.#unwritten = errorMessage(error).replace(/\.$/, '');
      throw error;
    }
  }
}
