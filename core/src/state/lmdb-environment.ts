import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { JitsuError } from '../errors.js';
import { makeSafeFolder, refuseUnsafe } from '../files/safe-folder.js';
import { LmdbDamage } from './lmdb-file.js';
import { checkStore, storeFormat, type StoreFormat } from './lmdb-store-check.js';
import { OwnerLock } from './owner-lock.js';
import { storeDamaged, storeInaccessible } from './store-unreadable.js';
import { encodeRecord } from './stored-record.js';

/** The key of the format record. It sorts between the other kinds of keys and equals none of them. */
const formatKey = Buffer.from('format');

/** An open LMDB database; `close` also releases the writer's lock. */
export interface LmdbEnvironment {
  readonly database: RootDatabase<Buffer, Buffer>;
  close(): Promise<void>;
}

/**
 * Opens the store in a folder after checking every page of it. Creates the folder and the store if missing.
 *
 * @throws JITSU_STORE_UNREADABLE, and JITSU_STORE_IN_USE while another process has it open for writing
 */
export async function openEnvironment(folder: string): Promise<LmdbEnvironment> {
  const lock = new OwnerLock(join(folder, 'writer'));
  try {
    makeFolder(folder);
    const owner = lock.acquire();
    if (owner !== undefined) throw inUse(folder, owner.pid);
    const dataFile = join(folder, 'data.mdb');
    if (existsSync(dataFile)) checkStore(dataFile, formatKey);
    else await create(folder);
    const database = openLmdb(folder);
    return { database, close: () => closeBoth(database, lock) };
  } catch (error) {
    lock.release();
    throw asJitsuError(folder, error);
  }
}

/**
 * Without overlapping sync, a write resolves when it is on the disk. With event turn batching, lmdb 3.5 makes promises
 * that no caller can handle, so the first failed write ends the process.
 */
function openLmdb(folder: string): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    eventTurnBatching: false,
  });
}

function makeFolder(folder: string): void {
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw Object.assign(new Error('it is a file, and a store is a folder'), { code: 'ENOTDIR' });
  }
  makeSafeFolder(folder);
  // What LMDB opens by itself: what was put there while others could may still be there.
  for (const name of ['data.mdb', 'lock.mdb']) refuseUnsafe(join(folder, name));
}

/** Creates the store aside and renames it into place, so that an empty or half-written file is always damage. */
async function create(folder: string): Promise<void> {
  const draft = join(folder, 'new');
  rmSync(draft, { recursive: true, force: true });
  const format: StoreFormat = { program: 'jitsu', format: storeFormat };
  const database = openLmdb(draft);
  await database.put(formatKey, encodeRecord(format));
  await database.close();
  renameSync(join(draft, 'data.mdb'), join(folder, 'data.mdb'));
  rmSync(draft, { recursive: true, force: true });
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

async function closeBoth(database: RootDatabase<Buffer, Buffer>, lock: OwnerLock): Promise<void> {
  try {
    await database.close();
  } finally {
    lock.release();
  }
}

function inUse(folder: string, pid: number): JitsuError {
  return new JitsuError(
    'JITSU_STORE_IN_USE',
    `The store at ${folder} is in use by process ${pid}. Stop that Jitsu first, or give this one a folder of its own ` +
      `with --persistdb.`,
  );
}

function asJitsuError(folder: string, error: unknown): JitsuError {
  if (error instanceof JitsuError) return error;
  if (error instanceof LmdbDamage) return storeDamaged(folder, error.message, { cause: error });
  return storeInaccessible(folder, error);
}
