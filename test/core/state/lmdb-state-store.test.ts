import { describeStateStore } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { requireRoot } from '../../support/require-tool.js';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LmdbStateStore } from '#core/state/lmdb-state-store.js';
import { encodeRecord } from '#core/state/stored-record.js';
import { open } from 'lmdb';
import { aRegistration, anEvent, someCounters } from '../../support/store-records.js';
import { StoreProcess } from '../../support/store-process.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const nobody = 65_534;

let place: TemporaryFolder;

describeStateStore('the LMDB store', {
  setUp: () => {
    place = new TemporaryFolder();
  },
  tearDown: () => place[Symbol.dispose](),
  store: () => new LmdbStateStore({ path: place.in('store') }),
  bounded: (historyLimit) => new LmdbStateStore({ path: place.in('store'), historyLimit }),
});

describe('the LMDB store', () => {
  let temporary: TemporaryFolder;
  let folder: string;

  beforeEach(() => {
    temporary = new TemporaryFolder();
    folder = temporary.in('store.db');
  });

  afterEach(() => temporary[Symbol.dispose]());

  it('is refused in a folder that others may write, or one below such a folder, where nothing is made', async () => {
    mkdirSync(temporary.in('open'));
    chmodSync(temporary.in('open'), 0o777);
    for (const path of [temporary.in('open'), temporary.in('open', 'store')]) {
      await assert.rejects(new LmdbStateStore({ path }).open(), {
        code: 'JITSU_STORE_UNREADABLE',
        message:
          /^The store at \S+ cannot be used: \S+\/open may be written by others \(chmod go-w makes it safe\)\. Nothing/,
      });
    }
    assert.deepEqual(readdirSync(temporary.in('open')), []);
  });

  it('is not opened by links that others have left in its folder', async function () {
    requireRoot(this);
    await withStore(async () => {});
    writeFileSync(temporary.in('precious'), 'precious');
    for (const name of ['lock.mdb', 'data.mdb']) {
      const file = join(folder, name);
      rmSync(file, { force: true });
      symlinkSync(temporary.in('precious'), file);
      lchownSync(file, nobody, nobody);
      await assert.rejects(new LmdbStateStore({ path: folder }).open(), {
        code: 'JITSU_STORE_UNREADABLE',
        message: new RegExp(`cannot be used: \\S+/${name} belongs to the user with the number 65534`),
      });
      assert.equal(readFileSync(temporary.in('precious'), 'utf8'), 'precious');
    }
    assert.equal(existsSync(join(folder, 'new')), false);
  });

  async function withStore(use: (store: LmdbStateStore) => Promise<void>): Promise<void> {
    const store = new LmdbStateStore({ path: folder });
    await store.open();
    try {
      await use(store);
    } finally {
      await store.close();
    }
  }

  it('makes a folder that nobody else can look into', async () => {
    await withStore(async () => assert.equal(statSync(folder).mode & 0o777, 0o700));
  });

  it('remembers everything when it is opened again', async () => {
    await withStore(async (store) => {
      await store.saveRegistrations([aRegistration()]);
      await store.saveCounters([someCounters()]);
      await store.appendEvent(anEvent());
    });
    await withStore(async (store) => {
      assert.deepEqual(await store.registrations(), [aRegistration()]);
      assert.deepEqual(await store.counters(), [someCounters()]);
      await store.appendEvent(anEvent({ at: 2 }));
      assert.deepEqual(await store.history({}), [anEvent(), anEvent({ at: 2 })]);
    });
  });

  it('can be closed twice, and before it was opened', async () => {
    const store = new LmdbStateStore({ path: folder });
    await store.close();
    await store.open();
    await store.close();
    await store.close();
  });

  describe('beside other processes', () => {
    it('is refused to a second writer, by the number of the first', async () => {
      await withStore(async () => {
        await using other = new StoreProcess('open', folder);
        assert.match((await other.line()) ?? '', new RegExp(`^JITSU_STORE_IN_USE .* process ${process.pid}\\.`));
      });
    });

    it('is taken over from a process that was killed, and has all that this one had been promised', async function () {
      this.timeout(60_000);
      let promised = 0;
      for (let round = 0; round < 8; round += 1) {
        await using writer = new StoreProcess('write', folder);
        assert.equal(await writer.line(), 'opened');
        const until = promised + 20 + round * 7;
        while (promised < until) promised = Number(await writer.line());
        promised = Number((await writer.kill()).at(-1) ?? promised);
        await withStore(async (store) => {
          const events = (await store.history({})).map(({ at }) => at);
          assert.deepEqual(
            events.slice(0, promised),
            Array.from({ length: promised }, (_, index) => index + 1),
          );
          assert.ok(events.length <= promised + 1, 'at most the one that was under way');
          promised = events.length;
        });
      }
    });

    it('is taken over where the owner’s number belongs to another process by now', async () => {
      await withStore(async () => {});
      const stale = { pid: process.ppid, started: '1', boot: 'another' };
      writeFileSync(`${folder}/writer.9.lock`, JSON.stringify(stale));
      await withStore(async () => {});
    });
  });

  it('goes on when the disk is full: the write is rejected, and all that was there is there', async () => {
    await using full = new StoreProcess('fill', folder, { largestFile: 262_144 });
    assert.equal(await full.line(), 'opened');
    for (let failure = 1; failure <= 3; failure += 1) {
      assert.match(
        (await full.line()) ?? '',
        /^JITSU_STORE_UNREADABLE The store at .* could not be written: (File too large|Input\/output error|.*space).*\./,
      );
    }
    assert.equal(await full.line(), 'nothing lost');
    assert.equal(await full.ended(), 0);
    await withStore(async (store) => assert.ok((await store.history({})).length > 100));
  });

  describe('that cannot be used', () => {
    async function refusal(user?: number): Promise<string> {
      await using child = new StoreProcess('open', folder, user === undefined ? {} : { user });
      const line = await child.line();
      assert.equal(await child.ended(), 0, 'it must not crash');
      assert.match(line ?? '', /^JITSU_STORE_UNREADABLE The store at .* Nothing in it was changed\. /);
      return line ?? '';
    }

    it('is a file: refused', async () => {
      writeFileSync(folder, 'precious');
      assert.match(await refusal(), /it is a file, and a store is a folder/);
      assert.equal(readFileSync(folder, 'utf8'), 'precious');
    });

    it('is of a newer format: refused', async () => {
      await withStore(async () => {});
      const database = open({
        path: folder,
        noSubdir: false,
        encoding: 'binary',
        keyEncoding: 'binary',
        overlappingSync: false,
      });
      await database.put(Buffer.from('format'), encodeRecord({ program: 'jitsu', format: 2 }));
      await database.close();
      assert.match(await refusal(), /it is of format 2, written by a newer Jitsu; this one reads format 1/);
    });

    it('is an LMDB file of another program: refused', async () => {
      const database = open({ path: folder, noSubdir: false, overlappingSync: false });
      await database.put('somebody', 'else');
      await database.close();
      assert.match(await refusal(), /it is an LMDB file of another program/);
    });

    it('is not ours to read: refused, with what to do', async function () {
      requireRoot(this);
      await withStore(async () => {});
      chmodSync(temporary.path, 0o755);
      assert.match(await refusal(nobody), /EACCES.*Give the user that runs Jitsu access/);
    });

    it('may only be read: refused', async function () {
      requireRoot(this);
      await withStore(async () => {});
      chmodSync(temporary.path, 0o755);
      chmodSync(folder, 0o555);
      assert.match(await refusal(nobody), /EACCES.*Give the user that runs Jitsu access/);
      chownSync(folder, nobody, nobody);
      chmodSync(folder, 0o700);
      assert.match(await refusal(nobody), /Permission denied|EACCES/);
    });
  });
});
