import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'libsql';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { makeSafeFolder, refuseUnsafe } from '../files/safe-folder.js';
import { writeNewFile } from '../files/write-file.js';
import { OwnerLock } from './owner-lock.js';
import { storeDamaged, storeInaccessible, storeInUse, storeNotWritten, storeOfLmdb } from './store-unreadable.js';
import { isIntact, isRecord, keyOf, rowOf, type RecordKind, type StoredRow } from './stored-record.js';

/** The name of the store's file in its folder; SQLite adds `-wal` and `-shm` for the two others. */
export const STORE_FILE = 'state.db';

/** `JITS`: the application id in the header of the file. */
const PROGRAM = 0x4a_49_54_53;

/** The format that this version writes. A store with a newer format is refused; there is no older one. */
const FORMAT = 1;

/** The tables, and views for people who ask their store with the `sqlite3` command. */
const SCHEMA: Readonly<Record<string, string>> = {
  registration:
    'CREATE TABLE registration (unikernel TEXT PRIMARY KEY, record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  counters:
    'CREATE TABLE counters (unikernel TEXT PRIMARY KEY, record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  event: 'CREATE TABLE event (number INTEGER PRIMARY KEY, record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT',
  history: `CREATE VIEW history AS SELECT number, strftime('%Y-%m-%d %H:%M:%f', json_extract(record, '$.at') / 1000.0, 'unixepoch') AS time, json_extract(record, '$.unikernel') AS unikernel, json_extract(record, '$.kind') AS kind, json_extract(record, '$.state') AS state, json_extract(record, '$.cause.name') AS name, json_extract(record, '$.cause.client') AS client, json_extract(record, '$.duration') AS duration, json_extract(record, '$.code') AS code, json_extract(record, '$.reason') AS reason FROM event ORDER BY number`,
  requests: `CREATE VIEW requests AS SELECT json_extract(each.value, '$.name') AS name, unikernel, json_extract(each.value, '$.requests') AS requests, strftime('%Y-%m-%d %H:%M:%f', json_extract(each.value, '$.lastAsked') / 1000.0, 'unixepoch') AS last_asked FROM counters, json_each(record, '$.names') AS each`,
};

/** What is read of a table. libsql ends the process at a text that is no UTF-8, so text is read as bytes. */
const COLUMNS: Readonly<Record<RecordKind, string>> = {
  registration: 'CAST(unikernel AS BLOB), CAST(record AS BLOB), checksum',
  counters: 'CAST(unikernel AS BLOB), CAST(record AS BLOB), checksum',
  event: 'number, CAST(record AS BLOB), checksum',
};

/** Beyond this many bytes of the write-ahead log, nothing is written while a reader keeps it from being emptied. */
const LONGEST_LOG = 64 * 2 ** 20;

/** In bytes: what is left of the log's file once it is emptied, and how much is written between two looks at it. */
const SHORT_LOG = 2 ** 20;

/** In bytes: a page of the database with its header in the log. */
const PAGE = 4_096 + 24;

/** Records per read, so that no read keeps the log from being emptied for long. */
const CHUNK = 1_000;

/** How long another program that writes is waited for, in milliseconds. */
const BUSY_TIMEOUT = 5_000;

/** SQLite could not get at the file, or not write it: its content is not in question. */
const INACCESSIBLE = /^SQLITE_(CANTOPEN|PERM|READONLY|FULL|IOERR|BUSY|LOCKED|NOMEM|AUTH)/;

export interface StoreDatabaseOptions {
  /** The least number of events to keep; up to a tenth more are kept, so that they are removed in batches. */
  readonly historyLimit: number;
  /** In place of LONGEST_LOG. */
  readonly longestLog?: number;
}

/** Part of what is asked for, and where the next part begins; no `next` after the last part. */
export interface StoredPage<Key> {
  readonly records: readonly string[];
  readonly next?: Key;
}

/** A store in a folder, by SQLite. Every call waits for the disk: it belongs into a thread of its own. */
export class StoreDatabase {
  #nextEvent = 0;
  #events = 0;
  /** In bytes, since the last look at the log. */
  #written = 0;
  /** Whether a reader keeps the log from being emptied, and it is at its limit. */
  #held = false;

  private constructor(
    private readonly folder: string,
    private readonly lock: OwnerLock,
    private readonly database: Database.Database,
    private readonly options: StoreDatabaseOptions,
  ) {
    const [[last, count] = [null, 0]] = rows<[number | null, number]>(
      database,
      'SELECT max(number), count(*) FROM event',
    );
    this.#nextEvent = last === null ? 0 : last + 1;
    this.#events = count;
  }

  /**
   * Opens the store in a folder after checking every page and every record of it. Creates the folder and the store if
   * missing.
   *
   * @throws JITSU_STORE_UNREADABLE, and JITSU_STORE_IN_USE while another process has it open for writing
   */
  static open(folder: string, options: StoreDatabaseOptions): StoreDatabase {
    const lock = new OwnerLock(join(folder, 'writer'));
    try {
      makeFolder(folder);
      const owner = lock.acquire();
      if (owner !== undefined) throw storeInUse(folder, owner.pid);
      const file = join(resolve(folder), STORE_FILE);
      if (existsSync(file)) check(folder, file);
      else if (existsSync(join(folder, 'data.mdb'))) throw storeOfLmdb(folder);
      else create(folder, () => undefined);
      return new StoreDatabase(folder, lock, connect(file), options);
    } catch (error) {
      lock.release();
      throw asJitsuError(folder, error);
    }
  }

  close(): void {
    try {
      // Whoever reads it now and then must not hold up the end.
      this.database.exec('PRAGMA busy_timeout = 0');
      rows(this.database, 'PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.database.close();
      this.lock.release();
    }
  }

  /** Writes records of unikernels; those that are there and have not changed cost nothing. */
  save(kind: 'registration' | 'counters', records: readonly (readonly [unikernel: string, json: string])[]): void {
    const sql =
      `INSERT INTO ${kind} VALUES (?, ?, ?) ON CONFLICT (unikernel) DO UPDATE ` +
      `SET record = excluded.record, checksum = excluded.checksum WHERE record <> excluded.record`;
    this.#write(
      sql,
      records.map(([unikernel, json]) => rowOf(keyOf(unikernel), json)),
    );
  }

  append(events: readonly string[]): void {
    const { historyLimit } = this.options;
    const count = this.#events + events.length;
    const next = this.#nextEvent + events.length;
    const excess = count > historyLimit * 1.1 ? count - historyLimit : 0;
    this.#write(
      'INSERT INTO event VALUES (?, ?, ?)',
      events.map((json, index) => rowOf(this.#nextEvent + index, json)),
      excess === 0 ? undefined : `DELETE FROM event WHERE number < ${next - historyLimit}`,
    );
    this.#nextEvent = next;
    this.#events = count - excess;
  }

  /** The records of a kind in the order of their keys. @param after the `next` of the page before */
  page(kind: 'registration' | 'counters', after = ''): StoredPage<string> {
    const sql = `SELECT ${COLUMNS[kind]} FROM ${kind} WHERE unikernel > ? ORDER BY unikernel LIMIT ${CHUNK}`;
    return this.#page<string>(sql, CHUNK, after);
  }

  /** Events, newest first. @param before the `next` of the page before */
  history(unikernel: string | undefined, limit: number, before = Number.MAX_SAFE_INTEGER): StoredPage<number> {
    const wanted = Math.min(limit, CHUNK);
    const filter = unikernel === undefined ? '' : `AND json_extract(record, '$.unikernel') = ?`;
    const sql = `SELECT ${COLUMNS.event} FROM event WHERE number < ? ${filter} ORDER BY number DESC LIMIT ${wanted}`;
    return this.#page<number>(sql, wanted, before, ...(unikernel === undefined ? [] : [unikernel]));
  }

  #page<Key>(sql: string, wanted: number, ...values: (string | number)[]): StoredPage<Key> {
    const { folder, database } = this;
    const found = reading(folder, () => rows<StoredRow>(database, sql, ...values));
    if (!found.every(isIntact)) throw storeDamaged(folder, 'a record is not what was once written');
    const last = found.length < wanted ? undefined : found.at(-1);
    return { records: found.map(([, json]) => json), ...(last && { next: last[0] as Key }) };
  }

  #write(sql: string, records: readonly StoredRow[], then?: string): void {
    const { folder, database } = this;
    this.#refuseWhileHeld();
    try {
      database.exec('BEGIN IMMEDIATE');
      // Prepared anew: a statement that fails may stay active, and would keep later transactions from their end.
      const statement = database.prepare(sql);
      for (const record of records) statement.run(...record);
      if (then !== undefined) database.exec(then);
      database.exec('COMMIT');
    } catch (error) {
      if (database.inTransaction) quietly(() => database.exec('ROLLBACK'));
      // What the log holds may fit into the file, so that the next write finds room in the log.
      this.#logBytes();
      throw storeNotWritten(folder, error);
    }
    this.#written += records.reduce((sum, [, json]) => sum + json.length, 2 * PAGE);
    if (this.#written < SHORT_LOG) return;
    this.#written = 0;
    this.#held = this.#logBytes() > this.#longestLog;
  }

  #refuseWhileHeld(): void {
    if (!this.#held) return;
    const bytes = this.#logBytes();
    this.#held = bytes > this.#longestLog;
    if (!this.#held) return;
    const size = `${Math.round(bytes / 2 ** 20)} MiB`;
    throw storeNotWritten(
      this.folder,
      `a program that reads it has not finished for so long that its log has grown to ${size}`,
      'What is kept goes on being written when that program ends.',
    );
  }

  get #longestLog(): number {
    return this.options.longestLog ?? LONGEST_LOG;
  }

  /** Brings into the file what no reader keeps from it. Returns the length of the log; 0 where all of it is there. */
  #logBytes(): number {
    try {
      const [[, frames, done] = [0, 0, 0]] = rows<[number, number, number]>(
        this.database,
        'PRAGMA wal_checkpoint(PASSIVE)',
      );
      return frames > done ? frames * PAGE : 0;
    } catch {
      // Whether the disk is full or fails is seen by the next write, which tells it.
      return 0;
    }
  }
}

/**
 * Creates the store aside and renames it into place, so that an empty or half-written file is always damage.
 * @param fill called with the database before it is in place
 */
export function create(folder: string, fill: (database: Database.Database) => void): void {
  const file = join(folder, STORE_FILE);
  const draft = `${file}.new`;
  const remove = (): void => {
    for (const end of ['', '-journal']) rmSync(`${draft}${end}`, { force: true });
  };
  remove();
  try {
    // SQLite makes its files with the mode that this one has.
    writeNewFile(draft, '');
    const database = new Database(draft);
    try {
      const statements = [`PRAGMA application_id = ${PROGRAM}`, `PRAGMA user_version = ${FORMAT}`];
      database.exec(`BEGIN; ${[...statements, ...Object.values(SCHEMA)].join('; ')}`);
      fill(database);
      database.exec('COMMIT');
    } finally {
      database.close();
    }
    // A log without its store, as after a store was moved away, would be taken for that of this one.
    for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    renameSync(draft, file);
  } catch (error) {
    remove();
    throw error;
  }
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function makeFolder(folder: string): void {
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw Object.assign(new Error('it is a file, and a store is a folder'), { code: 'ENOTDIR' });
  }
  makeSafeFolder(folder);
  // What SQLite opens by itself: what was put there while others could may still be there.
  for (const end of ['', '-wal', '-shm', '-journal']) refuseUnsafe(join(folder, `${STORE_FILE}${end}`));
}

function connect(file: string): Database.Database {
  const database = new Database(file, { timeout: BUSY_TIMEOUT });
  // In the order of their dependence: the size of the log is set once there is one.
  database.exec(
    `PRAGMA busy_timeout = ${BUSY_TIMEOUT}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ` +
      `PRAGMA journal_size_limit = ${SHORT_LOG}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF`,
  );
  return database;
}

/** Looks at every page and every record, by a connection that cannot write. */
function check(folder: string, file: string): void {
  // SQLite says only that it could not open it.
  accessSync(file, constants.R_OK | constants.W_OK);
  if (statSync(file).size === 0) throw storeDamaged(folder, 'its file is empty');
  reading(folder, () => {
    const database = new Database(`${pathToFileURL(file).href}?mode=ro`, { timeout: BUSY_TIMEOUT });
    try {
      checkFormat(folder, database);
      const found = rows<[string]>(database, 'SELECT CAST(quick_check AS BLOB) FROM pragma_quick_check(3)').flat();
      if (found[0] !== 'ok') throw storeDamaged(folder, found.join('; ').replaceAll('\n', ' '));
      const damaged = countDamaged(database);
      if (damaged > 0) throw storeDamaged(folder, `${damaged} of its records are not what was once written`);
    } finally {
      database.close();
    }
  });
}

function checkFormat(folder: string, database: Database.Database): void {
  const [[program] = [0]] = rows<[number]>(database, 'PRAGMA application_id');
  if (program !== PROGRAM) throw storeDamaged(folder, 'it is an SQLite file of another program');
  const [[format] = [0]] = rows<[number]>(database, 'PRAGMA user_version');
  if (format > FORMAT) {
    const what = `it is of format ${format}, written by a newer Jitsu; this one reads format ${FORMAT}`;
    throw storeDamaged(folder, what);
  }
  const objects = rows<string[]>(database, 'SELECT CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_schema');
  const found = new Map(objects.map(([name, sql]) => [name, sql]));
  const isWhole = format === FORMAT && Object.entries(SCHEMA).every(([name, sql]) => found.get(name) === sql);
  if (!isWhole) throw storeDamaged(folder, 'its tables are not those that were once made');
}

function countDamaged(database: Database.Database): number {
  let damaged = 0;
  for (const kind of ['registration', 'counters', 'event'] satisfies RecordKind[]) {
    const statement = database.prepare(`SELECT ${COLUMNS[kind]} FROM ${kind}`).raw();
    for (const row of statement.iterate())
      if (!isRecord(kind, inText(row as unknown[]) as unknown as StoredRow)) damaged += 1;
  }
  return damaged;
}

/** All rows: a statement that is not read to its end would stay active. */
function rows<Row extends readonly unknown[]>(
  database: Database.Database,
  sql: string,
  ...values: (string | number)[]
): Row[] {
  const found = database
    .prepare(sql)
    .raw()
    .all(...values) as unknown[][];
  return found.map((row) => inText(row) as unknown as Row);
}

function inText(row: unknown[]): unknown[] {
  return row.map((value) => (Buffer.isBuffer(value) ? value.toString() : value));
}

function reading<T>(folder: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (error instanceof JitsuError || !code.startsWith('SQLITE_') || INACCESSIBLE.test(code)) throw error;
    throw storeDamaged(folder, errorMessage(error), { cause: error });
  }
}

function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // SQLite has rolled back by itself, or tells the failure that is told already.
  }
}

function asJitsuError(folder: string, error: unknown): JitsuError {
  return error instanceof JitsuError ? error : storeInaccessible(folder, error);
}
