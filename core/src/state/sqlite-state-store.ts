import { z } from 'zod';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { HistoryQuery, StateStore, StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { DEFAULT_HISTORY_LIMIT } from './history-writer.js';
import { StoreThread } from './store-thread.js';
import type { RecordKinds } from './stored-record.js';

export const sqliteOptions = z.object({ path: z.string().min(1).describe('The folder of the store') });

export interface SqliteStateStoreOptions {
  /** The store's folder. */
  readonly path: string;
  /** The least number of events to keep; up to a tenth more are kept, so that they are removed in batches. */
  readonly historyLimit?: number;
  /** Beyond this many bytes of the log, nothing is written while a reader keeps it from being emptied; 64 MiB where absent. */
  readonly longestLog?: number;
}

/** Records per request to the thread. */
const CHUNK = 1_000;

interface WaitingEvent {
  readonly json: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Keeps state in a folder across restarts, in SQLite, which has a thread of its own. The records of a unikernel remain
 * after it is removed from the configuration.
 */
export class SqliteStateStore implements StateStore {
  readonly durable = true;
  readonly #options: SqliteStateStoreOptions;
  #thread: StoreThread | undefined;
  /** Those that came while others are written; they share one transaction. */
  #waiting: WaitingEvent[] = [];
  #appending: Promise<void> | undefined;

  constructor(@inject(optionsOf(sqliteOptions)) options: SqliteStateStoreOptions) {
    this.#options = options;
  }

  /** @throws JITSU_STORE_UNREADABLE, JITSU_STORE_IN_USE */
  async open(): Promise<void> {
    const { path, historyLimit = DEFAULT_HISTORY_LIMIT, longestLog } = this.#options;
    const thread = new StoreThread({ folder: path, historyLimit, ...(longestLog !== undefined && { longestLog }) });
    try {
      await thread.ask('open');
    } catch (error) {
      await thread.end(false);
      throw error;
    }
    this.#thread = thread;
  }

  async close(): Promise<void> {
    await this.#appending;
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined) return;
    const isClosed = thread.ask('close').then(() => true);
    await thread.end(await isClosed.catch(() => false));
  }

  async saveRegistrations(registrations: readonly StoredRegistration[]): Promise<void> {
    await this.#save('registration', registrations);
  }

  async registrations(): Promise<readonly StoredRegistration[]> {
    return this.#all('registration');
  }

  async saveCounters(counters: readonly StoredCounters[]): Promise<void> {
    await this.#save('counters', counters);
  }

  async counters(): Promise<readonly StoredCounters[]> {
    return this.#all('counters');
  }

  async appendEvent(event: LifecycleEvent): Promise<void> {
    const json = JSON.stringify(event);
    const written = new Promise<void>((resolve, reject) => this.#waiting.push({ json, resolve, reject }));
    this.#appending ??= this.#append();
    await written;
  }

  async history({ unikernel, limit = Infinity }: HistoryQuery): Promise<readonly LifecycleEvent[]> {
    const newestFirst: LifecycleEvent[] = [];
    for (let before: number | undefined; newestFirst.length < limit;) {
      const page = await this.#opened.ask('history', unikernel, limit - newestFirst.length, before);
      for (const json of page.records) newestFirst.push(JSON.parse(json) as LifecycleEvent);
      before = page.next;
      if (before === undefined) break;
    }
    return newestFirst.reverse();
  }

  get #opened(): StoreThread {
    if (this.#thread === undefined) throw new Error(`The store at ${this.#options.path} is not open`);
    return this.#thread;
  }

  async #save(kind: 'registration' | 'counters', records: readonly { readonly unikernel: string }[]): Promise<void> {
    const saves: Promise<void>[] = [];
    // What is written is what is there now: all of it is made before anything is waited for.
    for (let start = 0; start < records.length; start += CHUNK) {
      const chunk = records.slice(start, start + CHUNK);
      saves.push(
        this.#opened.ask(
          'save',
          kind,
          chunk.map((record) => [record.unikernel, JSON.stringify(record)] as const),
        ),
      );
    }
    const failure = (await Promise.allSettled(saves)).find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  async #all<Kind extends 'registration' | 'counters'>(kind: Kind): Promise<RecordKinds[Kind][]> {
    const records: RecordKinds[Kind][] = [];
    let after: string | undefined;
    do {
      const page = await this.#opened.ask('page', kind, after);
      for (const json of page.records) records.push(JSON.parse(json) as RecordKinds[Kind]);
      after = page.next;
    } while (after !== undefined);
    return records;
  }

  async #append(): Promise<void> {
    // Those that come in the same turn belong together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const events = this.#waiting;
      this.#waiting = [];
      try {
        await this.#opened.ask(
          'append',
          events.map(({ json }) => json),
        );
        for (const { resolve } of events) resolve();
      } catch (error) {
        for (const { reject } of events) reject(error);
      }
    }
    this.#appending = undefined;
  }
}
