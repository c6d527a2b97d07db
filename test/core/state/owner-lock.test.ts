import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { OwnerLock } from '#core/state/owner-lock.js';
import { identityOf, isAlive } from '#core/state/process-identity.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('an owner lock', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
  });

  afterEach(() => folder[Symbol.dispose]());

  it('has one owner at a time, and names it to the others', () => {
    const lock = new OwnerLock(folder.in('x'));
    assert.equal(lock.acquire(), undefined);
    assert.deepEqual(new OwnerLock(folder.in('x')).acquire(), identityOf(process.pid));
    lock.release();
    assert.equal(new OwnerLock(folder.in('x')).owner(), undefined);
    assert.equal(new OwnerLock(folder.in('x')).acquire(), undefined);
  });

  it('is taken over from an owner that was killed, that had our number, or whose machine has been booted since', () => {
    const own = identityOf(process.pid)!;
    const gone = [
      { ...own, pid: 2 ** 22 + 1 },
      { ...own, started: '1' },
      { ...own, boot: 'another' },
    ];
    gone.forEach((owner, index) => {
      writeFileSync(folder.in(`${index}.7.lock`), JSON.stringify(owner));
      assert.equal(new OwnerLock(folder.in(String(index))).acquire(), undefined, JSON.stringify(owner));
    });
  });

  it('is taken over where a crash of the machine has garbled it', () => {
    for (const text of ['', '{"pid":', 'null', '{"pid":"x"}']) {
      writeFileSync(folder.in('x.9.lock'), text);
      const lock = new OwnerLock(folder.in('x'));
      assert.equal(lock.acquire(), undefined, text);
      lock.release();
    }
  });

  it('leaves one small file, however often it changes hands', () => {
    for (let round = 0; round < 5; round += 1) {
      const lock = new OwnerLock(folder.in('x'));
      lock.acquire();
      lock.release();
    }
    assert.deepEqual(readdirSync(folder.path), ['x.5.lock']);
  });

  it('keeps apart what begins alike', () => {
    assert.equal(new OwnerLock(folder.in('x')).acquire(), undefined);
    assert.equal(new OwnerLock(folder.in('x.1')).acquire(), undefined);
    assert.equal(new OwnerLock(folder.in('y')).acquire(), undefined);
  });
});

describe('the identity of a process', () => {
  it('is that of one process alone', () => {
    const own = identityOf(process.pid)!;
    assert.equal(isAlive(own), true);
    assert.equal(isAlive({ ...own, started: `${own.started}0` }), false);
    assert.equal(identityOf(2 ** 22 + 1), undefined);
  });
});
