import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { open } from 'lmdb';
import { identityOf } from '#core/state/process-identity.js';
import { SqliteStateStore } from '#core/state/sqlite-state-store.js';
import { aRegistration, anEvent, someCounters } from '../../support/store-records.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const program = fileURLToPath(import.meta.resolve('#core/state/import-lmdb.js'));

describe('the import of a store that an earlier Jitsu kept by LMDB', () => {
  let temporary: TemporaryFolder;
  let folder: string;

  beforeEach(() => {
    temporary = new TemporaryFolder();
    folder = temporary.in('store');
  });

  afterEach(() => temporary[Symbol.dispose]());

  /** Makes a store as earlier versions did: a CRC-32 before the JSON of each record. */
  async function makeOld(records: Readonly<Record<string, object>>, more?: Buffer): Promise<void> {
    const database = open<Buffer, Buffer>({
      path: folder,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      eventTurnBatching: false,
    });
    for (const [key, record] of Object.entries({ format: { program: 'jitsu', format: 1 }, ...records })) {
      const json = Buffer.from(JSON.stringify(record));
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32LE(crc32(json));
      await database.put(Buffer.from(key), Buffer.concat([checksum, json]));
    }
    if (more !== undefined) await database.put(Buffer.from('event/00000000000009'), more);
    await database.close();
  }

  function runImport(): { status: number | null; said: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, folder], { encoding: 'utf8' });
    return { status, said: stdout + stderr };
  }

  const key = (number: number): string => `event/${number.toString(16).padStart(14, '0')}`;

  it('takes over all that is intact, once, and keeps the old file', async () => {
    const events = Array.from({ length: 20 }, (_, at) => anEvent({ at }));
    const old = Object.fromEntries(events.map((event, index) => [key(index + 10), event]));
    const registration = aRegistration({ unikernel: 'wörld "2"/x' });
    await makeOld(
      { [`registration/${registration.unikernel}`]: registration, 'counters/hello': someCounters(), ...old },
      Buffer.from('xxxx{}'),
    );
    assert.deepEqual(runImport(), {
      status: 0,
      said:
        `${folder}: 1 registrations, the counters of 1 unikernels and 20 events were taken over; ` +
        `1 damaged records were left out. The old file is data.mdb.imported.\n`,
    });
    assert.deepEqual(readdirSync(folder).sort(), ['data.mdb.imported', 'state.db']);

    const store = new SqliteStateStore({ path: folder });
    await store.open();
    await store.appendEvent(anEvent({ at: 20 }));
    assert.deepEqual(await store.registrations(), [registration]);
    assert.deepEqual(await store.counters(), [someCounters()]);
    assert.deepEqual(await store.history({}), [...events, anEvent({ at: 20 })]);
    await store.close();

    assert.equal(runImport().status, 1);
  });

  it('leaves all as it was where it cannot be read', () => {
    assert.equal(runImport().status, 1);
    const made = new TemporaryFolder();
    folder = made.path;
    try {
      writeFileSync(made.in('data.mdb'), 'this is no store\n'.repeat(1_000));
      assert.notEqual(runImport().status, 0);
      assert.equal(existsSync(made.in('state.db')), false);
      assert.equal(existsSync(made.in('data.mdb')), true);
    } finally {
      made[Symbol.dispose]();
    }
  });

  it('is refused while a Jitsu uses the store', async () => {
    await makeOld({});
    writeFileSync(`${folder}/writer.1.lock`, JSON.stringify(identityOf(process.pid)));
    const { status, said } = runImport();
    assert.equal(status, 1);
    assert.match(said, new RegExp(`process ${process.pid} uses it; stop that Jitsu first`));
  });
});
