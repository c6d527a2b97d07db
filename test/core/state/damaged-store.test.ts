import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteStateStore } from '#core/state/sqlite-state-store.js';
import { aRegistration, anEvent } from '../../support/store-records.js';
import { StoreProcess } from '../../support/store-process.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const damageFile = fileURLToPath(new URL('../../support/store-damage.js', import.meta.url));

describe('a damaged store', function () {
  this.timeout(120_000);
  let temporary: TemporaryFolder;
  let whole: Buffer;

  before(async () => {
    temporary = new TemporaryFolder();
    const store = new SqliteStateStore({ path: temporary.in('whole'), historyLimit: 300 });
    await store.open();
    const names = Array.from({ length: 300 }, (_, index) => `name-${index}.example.org`);
    await store.saveRegistrations([aRegistration(), aRegistration({ unikernel: 'big', names })]);
    for (let at = 0; at < 600; at += 1) await store.appendEvent(anEvent({ at }));
    await store.close();
    whole = readFileSync(temporary.in('whole', 'state.db'));
  });

  after(() => temporary[Symbol.dispose]());

  /** Damages a copy, and opens it in a process of its own, as a library of C might crash on it. */
  async function openDamaged(name: string, damage: (file: string) => void): Promise<string> {
    const folder = temporary.in(name);
    cpSync(temporary.in('whole'), folder, { recursive: true });
    const file = `${folder}/state.db`;
    damage(file);
    const before = readFileSync(file);
    await using child = new StoreProcess('open', folder);
    const words = (await child.line()) ?? '';
    assert.equal(await child.ended(), 0, `${name}: it must not crash`);
    if (words.startsWith('JITSU')) assert.deepEqual(readFileSync(file), before, `${name}: left as it was`);
    return words;
  }

  const damages: Record<string, (bytes: Buffer) => Buffer> = {
    'an empty file': () => Buffer.alloc(0),
    'a file of zeros': (bytes) => Buffer.alloc(bytes.length),
    'a file cut within the header': (bytes) => bytes.subarray(0, 100),
    'a file cut after the header': (bytes) => bytes.subarray(0, 8_192),
    'a file cut in the middle': (bytes) => bytes.subarray(0, bytes.length / 2),
    'a garbled first header': (bytes) => Buffer.from(bytes).fill(0x5a, 0, 4_096),
    'a garbled second page': (bytes) => Buffer.from(bytes).fill(0x5a, 4_096, 8_192),
    text: () => Buffer.from('this is not a store\n'.repeat(1_000)),
    'a garbled middle': (bytes) => Buffer.from(bytes).fill(0xa5, 8_192, bytes.length),
  };

  for (const [what, damage] of Object.entries(damages)) {
    it(`is refused and left as it is: ${what}`, async () => {
      const words = await openDamaged(what.replaceAll(' ', '-'), (file) => writeFileSync(file, damage(whole)));
      assert.match(words, /^JITSU_STORE_UNREADABLE .* Nothing in it was changed\. Move it away \(mv /);
    });
  }

  it('is refused when a single byte of a record has changed', async () => {
    const words = await openDamaged('one-byte', (file) => {
      const bytes = Buffer.from(whole);
      const at = bytes.indexOf('name-250.example.org');
      bytes.write('m', at + 1);
      writeFileSync(file, bytes);
    });
    assert.match(words, /1 of its records are not what was once written/);
  });

  it('never crashes, whichever page is garbled', async () => {
    const pages = whole.length / 4_096;
    for (let page = 1; page < pages; page += Math.ceil(pages / 12)) {
      const words = await openDamaged(`page-${page}`, (file) => {
        writeFileSync(
          file,
          Buffer.from(whole).fill(Buffer.from([0x0b, 0xad, page & 0xff]), page * 4_096, (page + 1) * 4_096),
        );
      });
      assert.match(words, /^(JITSU_STORE_UNREADABLE|opened$)/);
    }
  });

  it('never crashes, wherever it was cut off', async () => {
    for (const part of [0.2, 0.4, 0.7, 0.95]) {
      const words = await openDamaged(`cut-${part}`, (file) => truncateSync(file, Math.floor(whole.length * part)));
      assert.match(words, /^(JITSU_STORE_UNREADABLE|opened$)/);
    }
  });

  it('never crashes nor tells anything but what was written, and stays as it was, by 1,000 damages at random', async () => {
    // In memory where that is possible: each damage makes, checks and syncs a store of its own.
    const place = mkdtempSync(existsSync('/dev/shm') ? '/dev/shm/jitsu-test-' : temporary.in('random-'));
    const words = [damageFile, join(place, 'store'), '1', '1000'];
    const { stdout } = await promisify(execFile)(process.execPath, words).finally(() =>
      rmSync(place, { recursive: true }),
    );
    const { refused, whole, shorter } = JSON.parse(stdout) as Record<'refused' | 'whole' | 'shorter', number>;
    assert.equal(refused + whole + shorter, 1_000);
    assert.ok(refused > 500 && whole > 50 && shorter > 50, stdout);
  });
});
