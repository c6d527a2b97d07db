import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Database from 'libsql';
import { errorCode, errorMessage } from '#core/errors.js';
import { StoreDatabase, type StoredPage } from '#core/state/store-database.js';
import { rowOf } from '#core/state/stored-record.js';
import { numbersFrom } from './numbers-from.js';
import { anEvent, aRegistration, someCounters } from './store-records.js';

/**
 * A process of its own that damages copies of a store at random, opens each, and says what has come of them. It ends at
 * the first copy that was opened and gives other records than were written, or that was refused and changed. A copy
 * has a log, as after a crash: of its damage nothing may come but the loss of its last transactions.
 */
const [folder = '', seed = '1', times = '1000'] = process.argv.slice(2);
const below = numbersFrom(Number(seed));
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const options = { historyLimit: 1_000 };
const [whole, copy] = [join(folder, 'whole'), join(folder, 'copy')];
const FILES = ['state.db', 'state.db-wal'] as const;
const MOST = Number.MAX_SAFE_INTEGER;

const registrations = ['alpha', 'beta', 'gamma'].map((unikernel) => JSON.stringify(aRegistration({ unikernel })));
const counters = Array.from({ length: 100 }, (_, index) =>
  JSON.stringify(someCounters({ unikernel: `unikernel-${index}` })),
);
const events = Array.from({ length: 400 }, (_, at) => JSON.stringify(anEvent({ at })));

make();
const original = FILES.map((name) => readFileSync(join(whole, name)));
const outcomes = { refused: 0, whole: 0, shorter: 0 };
for (let time = 0; time < Number(times); time += 1) {
  const what = `damage ${time} of seed ${seed}`;
  const files: Buffer[] = original.map((bytes) => Buffer.from(bytes));
  const isOfLog = below(4) === 0;
  const damaged = isOfLog ? 1 : 0;
  const damage = below(5) === 0 && !isOfLog ? anotherShape : undefined;
  if (damage === undefined) files[damaged] = spoilt(files[damaged]!);
  mkdirSync(copy, { mode: 0o700 });
  FILES.forEach((name, index) => writeFileSync(join(copy, name), files[index]!, { mode: 0o600 }));
  damage?.();
  const before = contents();
  try {
    const store = StoreDatabase.open(copy, options);
    try {
      const found = read(store);
      assert.equal(damage, undefined, `${what}: a record of another shape was taken`);
      if (isOfLog && found.events.length < events.length) outcomes.shorter += 1;
      else outcomes.whole += 1;
      const lost = isOfLog ? events.length - found.events.length : 0;
      assert.deepEqual(found.events, events.slice(0, events.length - lost), what);
      assert.deepEqual([found.registrations, found.counters], [registrations, [...counters].sort()], what);
    } finally {
      store.close();
    }
  } catch (error) {
    if (errorCode(error) !== 'JITSU_STORE_UNREADABLE') throw error;
    assert.match(errorMessage(error), /Nothing in it was changed\. Move it away/, what);
    assert.ok(contents().equals(before), `${what}: left as it was`);
    outcomes.refused += 1;
  }
  rmSync(copy, { recursive: true });
  if (time % 50 === 0) collectGarbage();
}
console.log(JSON.stringify(outcomes));

function make(): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const source = join(folder, 'source');
  const store = StoreDatabase.open(source, options);
  const named = (records: readonly string[]) =>
    records.map((json) => [(JSON.parse(json) as { unikernel: string }).unikernel, json] as const);
  store.save('registration', named(registrations));
  store.save('counters', named(counters));
  store.append(events.slice(0, 300));
  // So that most of it is in the file, as after days.
  store.close();
  const again = StoreDatabase.open(source, options);
  for (const event of events.slice(300)) again.append([event]);
  mkdirSync(whole);
  for (const name of FILES) copyFileSync(join(source, name), join(whole, name));
  again.close();
}

function read(store: StoreDatabase): Record<'registrations' | 'counters' | 'events', string[]> {
  const all = (kind: 'registration' | 'counters'): string[] => [...store.page(kind).records];
  const newest: StoredPage<number> = store.history(undefined, MOST);
  return {
    registrations: all('registration'),
    counters: all('counters').sort(),
    events: [...newest.records].reverse(),
  };
}

/** Of both files; SQLite makes the second where it is missing. */
function contents(): Buffer {
  return Buffer.concat(
    FILES.map((name) => join(copy, name)).map((file) => (existsSync(file) ? readFileSync(file) : Buffer.alloc(0))),
  );
}

/** Bits and bytes that change, sectors that are lost, pages that end up in another place, and files that are cut short. */
function spoilt(bytes: Buffer): Buffer {
  const at = below(bytes.length);
  const page = (): number => below(Math.ceil(bytes.length / 4_096)) * 4_096;
  switch (below(6)) {
    case 0:
      bytes[at]! ^= 1 << below(8);
      return bytes;
    case 1:
      for (let index = at; index < Math.min(bytes.length, at + 1 + below(64)); index += 1) bytes[index] = below(256);
      return bytes;
    case 2:
      return bytes.fill(0, at & ~511, (at & ~511) + 512);
    case 3:
      return bytes.fill(below(256), at & ~511, (at & ~511) + 512);
    case 4:
      bytes.copy(bytes, page(), page(), bytes.length);
      return bytes;
    default:
      return bytes.subarray(0, at);
  }
}

/** Writes a record that is in order but for its shape. */
function anotherShape(): void {
  const values = ['null', '[]', '{}', '"alpha"', '7', '{"unikernel":7}', '{"unikernel":"alpha","names":[null]}', '{'];
  const json = values[below(values.length)]!;
  const table = ['registration', 'counters', 'event'][below(3)]!;
  const key = table === 'event' ? below(400) : table === 'counters' ? `unikernel-${below(100)}` : 'alpha';
  const [, , checksum] = rowOf(key, json);
  const database = new Database(join(copy, 'state.db'));
  const column = table === 'event' ? 'number' : 'unikernel';
  database.exec(
    `UPDATE ${table} SET record = '${json}', checksum = ${checksum} WHERE ${column} = ${typeof key === 'number' ? key : `'${key}'`}`,
  );
  database.close();
}
