import { createRequire } from 'node:module';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { errorMessage } from '../errors.js';
import { refuseUnsafe } from '../files/safe-folder.js';
import { OwnerLock } from './owner-lock.js';
import { create, STORE_FILE } from './store-database.js';
import { isRecord, keyOf, rowOf, type RecordKind } from './stored-record.js';

/** What is used of the package lmdb, which Jitsu does not depend on: it is there for this import alone. */
interface Lmdb {
  open(options: object): {
    getRange(): Iterable<{ key: Buffer; value: Buffer }>;
    close(): Promise<void>;
  };
}

/**
 * A program of its own that makes a store of one that an earlier Jitsu has kept by LMDB. Its argument is the folder. The
 * old file stays there under another name. LMDB may crash on a damaged file; nothing is in place by then.
 */
const folder = resolve(process.argv[2] ?? '.');
const lock = new OwnerLock(join(folder, 'writer'));
try {
  await importStore();
} catch (error) {
  process.stderr.write(`The store at ${folder} was not taken over: ${errorMessage(error)}\n`);
  process.exitCode = 1;
} finally {
  lock.release();
}

async function importStore(): Promise<void> {
  const old = join(folder, 'data.mdb');
  if (!existsSync(old)) throw new Error('there is no data.mdb in it');
  if (existsSync(join(folder, STORE_FILE))) throw new Error(`there is a ${STORE_FILE} in it already`);
  for (const name of ['data.mdb', 'lock.mdb', STORE_FILE]) refuseUnsafe(join(folder, name));
  const owner = lock.acquire();
  if (owner !== undefined) throw new Error(`process ${owner.pid} uses it; stop that Jitsu first`);
  const lmdb = await loadLmdb();
  const source = lmdb.open({
    path: folder,
    noSubdir: false,
    readOnly: true,
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  const counts = { registration: 0, counters: 0, event: 0 };
  let damaged = 0;
  try {
    create(folder, (database) => {
      const insert = {
        registration: database.prepare('INSERT INTO registration VALUES (?, ?, ?)'),
        counters: database.prepare('INSERT INTO counters VALUES (?, ?, ?)'),
        event: database.prepare('INSERT INTO event VALUES (?, ?, ?)'),
      };
      for (const { key, value } of source.getRange()) {
        const [kind, name] = split(key.toString());
        if (kind === undefined) continue;
        const json = value.toString('utf8', 4);
        const row = rowOf(kind === 'event' ? Number.parseInt(name, 16) : keyOf(name), json);
        if (crc32(value.subarray(4)) !== value.readUInt32LE(0) || !isRecord(kind, row)) {
          damaged += 1;
          continue;
        }
        insert[kind].run(...row);
        counts[kind] += 1;
      }
    });
  } finally {
    await source.close();
  }
  renameSync(old, `${old}.imported`);
  rmSync(join(folder, 'lock.mdb'), { force: true });
  const lost = damaged === 0 ? '' : `; ${damaged} damaged records were left out`;
  process.stdout.write(
    `${folder}: ${counts.registration} registrations, the counters of ${counts.counters} unikernels and ` +
      `${counts.event} events were taken over${lost}. The old file is data.mdb.imported.\n`,
  );
}

function split(key: string): [kind: RecordKind | undefined, name: string] {
  const [, kind, name = ''] = /^(registration|counters|event)\/(.*)$/s.exec(key) ?? [];
  return [kind as RecordKind | undefined, name];
}

/** npx names the folder of what it has installed in PATH alone. */
async function loadLmdb(): Promise<Lmdb> {
  const bins = (process.env['PATH'] ?? '').split(':').filter((path) => path.endsWith(`${sep}node_modules${sep}.bin`));
  const places = [import.meta.url, ...bins.map((bin) => pathToFileURL(join(dirname(bin), 'x.js')).href)];
  for (const place of places) {
    try {
      return (await import(pathToFileURL(createRequire(place).resolve('lmdb')).href)) as Lmdb;
    } catch (error) {
      if (place === places.at(-1)) throw error;
    }
  }
  throw new Error('the package lmdb is missing');
}
