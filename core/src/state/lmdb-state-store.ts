import { setImmediate } from 'node:timers/promises';
import type { RangeOptions, RootDatabase } from 'lmdb';
import { z } from 'zod';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { HistoryQuery, StateStore, StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import { nativePackageAdvice } from '../plugin-kit/native-package-advice.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { DEFAULT_HISTORY_LIMIT } from './history-writer.js';
import type { LmdbEnvironment } from './lmdb-environment.js';
import { storeDamaged, storeNotWritten, storeWithoutLibrary } from './store-unreadable.js';
import { decodeRecord, encodeRecord } from './stored-record.js';

export const lmdbOptions = z.object({ path: z.string().min(1).describe('The folder of the store') });

export interface LmdbStateStoreOptions {
  /** The store's folder. */
  readonly path: string;
  /** The least number of events to keep; up to a tenth more are kept, so that they are removed in batches. */
  readonly historyLimit?: number;
}

/** Records read per turn of the event loop. */
const chunk = 1_000;

/**
 * Keeps state in a folder across restarts, in LMDB. Keys are `registration/NAME`, `counters/NAME` and `event/NUMBER`,
 * the number in hexadecimal. The records of a unikernel remain after it is removed from the configuration.
 */
export class LmdbStateStore implements StateStore {
  readonly durable = true;
  readonly #folder: string;
  readonly #historyLimit: number;
  #environment: LmdbEnvironment | undefined;
  /** Settles when the previous registrations are saved; only the caller that saved them sees a failure. */
  #saved: Promise<void> = Promise.resolve();
  #nextEvent = 0;
  #events = 0;
  #dropping = false;

  constructor(
    @inject(optionsOf(lmdbOptions))
    { path, historyLimit = DEFAULT_HISTORY_LIMIT }: LmdbStateStoreOptions,
  ) {
    this.#folder = path;
    this.#historyLimit = historyLimit;
  }

  /** @throws JITSU_STORE_UNREADABLE, JITSU_STORE_IN_USE */
  async open(): Promise<void> {
    // LMDB is loaded only when a store is opened.
    const { openEnvironment } = await import('./lmdb-environment.js').catch((error: unknown) => {
      throw storeWithoutLibrary(this.#folder, error, nativePackageAdvice('lmdb', import.meta.url));
    });
    this.#environment = await openEnvironment(this.#folder);
    const [last] = this.#database.getKeys({ ...reversed(rangeOf('event')), limit: 1 });
    this.#nextEvent = last === undefined ? 0 : eventNumber(last) + 1;
    this.#events = this.#database.getKeysCount(rangeOf('event'));
  }

  async close(): Promise<void> {
    const environment = this.#environment;
    this.#environment = undefined;
    await environment?.close();
  }

  async saveRegistrations(registrations: readonly StoredRegistration[]): Promise<void> {
    // After a restart most registrations are unchanged. Saves run in sequence, so that `get` sees the last result.
    const saved = this.#saved.then(() => {
      const records = registrations.filter((registration) => {
        const before = this.#database.get(keyOf('registration', registration.unikernel));
        return before?.equals(encodeRecord(registration)) !== true;
      });
      return this.#save('registration', records);
    });
    this.#saved = saved.catch(() => {});
    await saved;
  }

  async registrations(): Promise<readonly StoredRegistration[]> {
    return this.#all<StoredRegistration>('registration');
  }

  async saveCounters(counters: readonly StoredCounters[]): Promise<void> {
    await this.#save('counters', counters);
  }

  async counters(): Promise<readonly StoredCounters[]> {
    return this.#all<StoredCounters>('counters');
  }

  async appendEvent(event: LifecycleEvent): Promise<void> {
    const number = this.#nextEvent;
    this.#nextEvent += 1;
    await this.#written([this.#database.put(eventKey(number), encodeRecord(event))]);
    this.#events += 1;
    if (this.#events > this.#historyLimit * 1.1 && !this.#dropping) await this.#dropOldest();
  }

  async history({ unikernel, limit = Infinity }: HistoryQuery): Promise<readonly LifecycleEvent[]> {
    const newestFirst: LifecycleEvent[] = [];
    let range: RangeOptions | undefined = reversed(rangeOf('event'));
    while (range !== undefined && newestFirst.length < limit) {
      const entries: { key: Buffer; value: Buffer }[] = [...this.#database.getRange({ ...range, limit: chunk })];
      for (const { value } of entries) {
        const event = this.#decode(value) as LifecycleEvent;
        if (unikernel === undefined || event.unikernel === unikernel) newestFirst.push(event);
      }
      const oldest = entries.length === chunk ? entries.at(-1) : undefined;
      range = oldest && { ...range, start: oldest.key, exclusiveStart: true };
      // A long history must not delay DNS responses.
      await setImmediate();
    }
    return newestFirst.slice(0, limit).reverse();
  }

  get #database(): RootDatabase<Buffer, Buffer> {
    if (this.#environment === undefined) throw new Error(`The store at ${this.#folder} is not open`);
    return this.#environment.database;
  }

  async #save(kind: string, records: readonly { readonly unikernel: string }[]): Promise<void> {
    const writes = records.map((record) => this.#database.put(keyOf(kind, record.unikernel), encodeRecord(record)));
    await this.#written(writes);
  }

  async #dropOldest(): Promise<void> {
    this.#dropping = true;
    try {
      const excess = this.#events - this.#historyLimit;
      const keys = [...this.#database.getKeys({ ...rangeOf('event'), limit: excess })];
      await this.#written(keys.map((key) => this.#database.remove(key)));
      this.#events -= keys.length;
    } finally {
      this.#dropping = false;
    }
  }

  async #written(writes: readonly Promise<boolean>[]): Promise<void> {
    const failure = (await Promise.allSettled(writes)).find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw storeNotWritten(this.#folder, await commitError(failure.reason));
  }

  #all<T>(kind: string): T[] {
    const records: T[] = [];
    // A plain loop: with 100,000 unikernels, the iterator's own helpers take longer than everything else here.
    for (const { value } of this.#database.getRange(rangeOf(kind))) records.push(this.#decode(value) as T);
    return records;
  }

  #decode(bytes: Buffer): object {
    const record = decodeRecord(bytes);
    if (record === undefined) throw storeDamaged(this.#folder, 'a record is not what was once written');
    return record;
  }
}

/** lmdb rejects a write with an error that holds a promise, which rejects with the system's error. */
async function commitError(error: unknown): Promise<unknown> {
  const inner = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  return inner instanceof Promise ? inner.catch((reason: unknown) => reason) : error;
}

function keyOf(kind: string, name: string): Buffer {
  return Buffer.from(`${kind}/${name}`);
}

function eventKey(number: number): Buffer {
  return keyOf('event', number.toString(16).padStart(14, '0'));
}

function eventNumber(key: Buffer): number {
  return Number.parseInt(key.toString('latin1', 'event/'.length), 16);
}

/** All keys of a kind: `0` is the character after `/`. */
function rangeOf(kind: string): { start: Buffer; end: Buffer } {
  return { start: Buffer.from(`${kind}/`), end: Buffer.from(`${kind}0`) };
}

/** For a reverse range, LMDB expects the greater key as its start. */
function reversed({ start, end }: { start: Buffer; end: Buffer }): RangeOptions {
  return { start: end, end: start, reverse: true };
}
