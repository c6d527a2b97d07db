import { describeStateStore } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { requireRoot, requireTool } from '../../support/require-tool.js';
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
import { SqliteStateStore } from '#core/state/sqlite-state-store.js';
import Database from 'libsql';
import { aRegistration, anEvent, someCounters } from '../../support/store-records.js';
import { StoreProcess } from '../../support/store-process.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const nobody = 65_534;

let place: TemporaryFolder;

describeStateStore('the SQLite store', {
  setUp: () => {
    place = new TemporaryFolder();
  },
  tearDown: () => place[Symbol.dispose](),
  store: () => new SqliteStateStore({ path: place.in('store') }),
  bounded: (historyLimit) => new SqliteStateStore({ path: place.in('store'), historyLimit }),
});

describe('the SQLite store', () => {
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
      await assert.rejects(new SqliteStateStore({ path }).open(), {
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
    for (const name of ['state.db-shm', 'state.db-wal', 'state.db']) {
      const file = join(folder, name);
      rmSync(file, { force: true });
      symlinkSync(temporary.in('precious'), file);
      lchownSync(file, nobody, nobody);
      await assert.rejects(new SqliteStateStore({ path: folder }).open(), {
        code: 'JITSU_STORE_UNREADABLE',
        message: new RegExp(`cannot be used: \\S+/${name} belongs to the user with the number 65534`),
      });
      assert.equal(readFileSync(temporary.in('precious'), 'utf8'), 'precious');
    }
    assert.equal(existsSync(join(folder, 'state.db.new')), false);
  });

  async function withStore(use: (store: SqliteStateStore) => Promise<void>): Promise<void> {
    const store = new SqliteStateStore({ path: folder });
    await store.open();
    try {
      await use(store);
    } finally {
      await store.close();
    }
  }

  /** As another program that has the store's file open. */
  function execSql(sql: string): void {
    const database = new Database(join(folder, 'state.db'));
    database.exec(sql);
    database.close();
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
    const store = new SqliteStateStore({ path: folder });
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

  it('goes on when the disk is full: the write is rejected, and all that was there is there', async function () {
    this.timeout(60_000);
    await using full = new StoreProcess('fill', folder, { largestFile: 1_048_576 });
    assert.equal(await full.line(), 'opened');
    for (let failure = 1; failure <= 3; failure += 1) {
      assert.match(
        (await full.line()) ?? '',
        /^JITSU_STORE_UNREADABLE The store at .* could not be written: (disk I\/O error|database or disk is full)\. What it held/,
      );
    }
    assert.equal(await full.line(), 'nothing lost');
    assert.equal(await full.ended(), 0);
    await withStore(async (store) => assert.ok((await store.history({})).length > 100));
  });

  it('goes on when its disk is full, and writes again once there is room', async function () {
    this.timeout(60_000);
    requireRoot(this);
    await using full = new StoreProcess('fill', folder, { disk: 2_048 });
    assert.equal(await full.line(), 'opened');
    for (let failure = 1; failure <= 3; failure += 1) {
      assert.match(
        (await full.line()) ?? '',
        /^JITSU_STORE_UNREADABLE .* could not be written: database or disk is full\./,
      );
    }
    assert.equal(await full.line(), 'written again');
    assert.equal(await full.line(), 'nothing lost');
    assert.equal(await full.ended(), 0);
  });

  it('is refused on a disk that is full from the beginning, with what to do', async function () {
    requireRoot(this);
    await using full = new StoreProcess('fill-and-open', folder, { disk: 2_048 });
    assert.match(
      (await full.line()) ?? '',
      /^JITSU_STORE_UNREADABLE .*(ENOSPC|full).* Its disk is full: make room, or/,
    );
    assert.equal(await full.ended(), 0);
  });

  describe('beside who reads it', () => {
    /** What the `sqlite3` command says. */
    let ask: (sql: string) => string;

    before(function () {
      const sqlite3 = requireTool(this, 'sqlite3');
      ask = (sql) => execFileSync(sqlite3, [join(folder, 'state.db'), sql], { encoding: 'utf8' });
    });

    it('shows its history and its requests to the sqlite3 command while it is written', async () => {
      await withStore(async (store) => {
        const cause = { kind: 'query', name: 'hello.example.org', type: 'A', client: '192.0.2.9' } as const;
        await store.appendEvent(anEvent({ kind: 'summoning', cause }));
        await store.appendEvent(anEvent({ duration: 12, at: 1_700_000_000_012 }));
        await store.saveCounters([someCounters()]);
        assert.equal(
          ask('SELECT time, unikernel, kind, name, client, duration FROM history'),
          '2023-11-14 22:13:20.000|hello|summoning|hello.example.org|192.0.2.9|\n' +
            '2023-11-14 22:13:20.012|hello|ready|||12\n',
        );
        assert.equal(ask('SELECT * FROM requests'), 'hello.example.org|hello|2|2023-11-14 22:13:20.500\n');
        await store.appendEvent(anEvent());
        assert.equal(ask('SELECT count(*) FROM history'), '3\n');
      });
      assert.deepEqual(readdirSync(folder), ['state.db']);
    });

    it('tells nothing of a record that another program has changed, but that it was changed', async () => {
      await withStore(async (store) => {
        await store.appendEvent(anEvent());
        ask("UPDATE event SET record = replace(record, 'hello', 'other')");
        await assert.rejects(store.history({}), {
          code: 'JITSU_STORE_UNREADABLE',
          message: /a record is not what was once written/,
        });
      });
    });

    it('goes on after a write that another program has made impossible', async () => {
      await withStore(async (store) => {
        await store.appendEvent(anEvent());
        ask('INSERT INTO event SELECT number + 1, record, checksum FROM event');
        await assert.rejects(store.appendEvent(anEvent()), { code: 'JITSU_STORE_UNREADABLE', message: /UNIQUE/ });
        await store.saveCounters([someCounters()]);
        assert.deepEqual(await store.counters(), [someCounters()]);
      });
    });

    it('waits for another program that writes for a moment', async () => {
      await withStore(async (store) => {
        using _other = new LingeringReader('BEGIN IMMEDIATE');
        const written = store.appendEvent(anEvent());
        await setTimeout(100);
        _other[Symbol.dispose]();
        await written;
      });
    });

    it('keeps its log within bounds while somebody lingers over it, and goes on when he has gone', async function () {
      this.timeout(60_000);
      const store = new SqliteStateStore({ path: folder, longestLog: 2 ** 20 });
      await store.open();
      try {
        await store.appendEvent(anEvent());
        const reader = new LingeringReader('BEGIN; SELECT count(*) FROM event');
        let written = 0;
        const reason = 'x'.repeat(1_000);
        try {
          for (; written < 10_000; written += 1) await store.appendEvent(anEvent({ reason }));
          assert.fail('it was written without bounds');
        } catch (error) {
          assert.match(
            String(error),
            /could not be written: a program that reads it has not finished .* grown to \d MiB/,
          );
        } finally {
          reader[Symbol.dispose]();
        }
        assert.ok(written > 100);
        assert.ok(statSync(join(folder, 'state.db-wal')).size < 4 * 2 ** 20);
        await store.appendEvent(anEvent());
        for (let more = 0; more < 400; more += 1) await store.appendEvent(anEvent({ reason }));
        assert.equal((await store.history({})).length, written + 402);
        assert.ok(statSync(join(folder, 'state.db-wal')).size < 4 * 2 ** 20);
      } finally {
        await store.close();
      }
    });

    /** A connection with a transaction that does not end by itself, as a program has it that shows a long result. */
    class LingeringReader implements Disposable {
      readonly #database = new Database(join(folder, 'state.db'));

      constructor(sql: string) {
        this.#database.exec(sql);
      }

      [Symbol.dispose](): void {
        if (this.#database.inTransaction) this.#database.exec('COMMIT');
      }
    }
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
      execSql('PRAGMA user_version = 2');
      assert.match(await refusal(), /it is of format 2, written by a newer Jitsu; this one reads format 1/);
    });

    it('is an SQLite file of another program: refused', async () => {
      mkdirSync(folder);
      execSql('CREATE TABLE somebody (else_ TEXT)');
      assert.match(await refusal(), /it is an SQLite file of another program/);
    });

    it('has been changed in its tables by another program: refused', async () => {
      await withStore(async () => {});
      execSql('ALTER TABLE event ADD COLUMN note TEXT');
      assert.match(await refusal(), /its tables are not those that were once made/);
    });

    it('is of an earlier Jitsu: refused, with the command that takes it over', async () => {
      mkdirSync(folder);
      writeFileSync(join(folder, 'data.mdb'), 'old');
      assert.match(
        await refusal(),
        new RegExp(
          `used LMDB\\..* This takes it over, once: npx --yes --package=lmdb@\\S+ -- node /\\S+/import-lmdb.js ${folder} `,
        ),
      );
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
