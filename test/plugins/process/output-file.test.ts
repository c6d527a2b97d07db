import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { OutputFile } from '#process/output-file.js';
import { cannotRun } from '../../support/cannot-run.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const KIB = 1_024;

describe('the file of a program’s output', () => {
  let folder: TemporaryFolder;
  let path: string;
  let file: OutputFile;

  beforeEach(() => {
    folder = new TemporaryFolder();
    path = folder.in('output');
    file = new OutputFile(path);
  });

  afterEach(() => folder[Symbol.dispose]());

  it('is emptied once it is large and has been read, and read on from there', () => {
    writeFileSync(path, 'x\n'.repeat(100_000));
    assert.equal(file.read().length, 100_000);
    assert.equal(statSync(path).size, 200_000, 'a small one is left as it is');
    appendFileSync(path, 'y\n'.repeat(50_000));
    assert.equal(file.read().length, 50_000);
    assert.equal(statSync(path).size, 0);
    appendFileSync(path, 'more\n');
    assert.deepEqual(file.read(), ['more']);
  });

  it('is emptied when it has more than 256 KiB, and no sooner', () => {
    writeFileSync(path, `${'x'.repeat(KIB - 1)}\n`.repeat(256));
    assert.equal(file.read().length, 256);
    assert.equal(statSync(path).size, 256 * KIB);
    appendFileSync(path, '\n');
    assert.deepEqual(file.read(), ['']);
    assert.equal(statSync(path).size, 0);
  });

  it('is read for at most its last 256 KiB at a time, and says what is left out', () => {
    writeFileSync(path, 'begun');
    assert.deepEqual(file.read(), []);
    appendFileSync(path, `${'x'.repeat(KIB - 1)}\n`.repeat(256));
    assert.equal(file.read()[0], `begun${'x'.repeat(KIB - 1)}`, 'nothing is left out of so much');
    appendFileSync(path, 'begun');
    assert.deepEqual(file.read(), []);
    appendFileSync(path, `ab${`${'y'.repeat(KIB - 1)}\n`.repeat(256)}`);
    const lines = file.read();
    assert.deepEqual(lines.slice(0, 3), ['begun', '… (2 bytes skipped)', 'y'.repeat(KIB - 1)]);
    assert.equal(lines.length, 258);
  });

  it('is read no further than is allowed, and then from there', () => {
    writeFileSync(path, 'y\n'.repeat(25));
    const allowance = { left: 10 };
    assert.deepEqual([file.read(false, allowance).length, allowance.left, file.isBehind], [10, 0, true]);
    assert.deepEqual(file.read(false, { left: 0 }), []);
    assert.deepEqual([file.read(false, { left: 20 }).length, file.isBehind], [15, false]);
    // A long line counts several times.
    appendFileSync(path, `${'x'.repeat(600)}\n`.repeat(4));
    const other = { left: 6 };
    assert.deepEqual([file.read(false, other).length, other.left], [2, 0]);
  });

  it('is read for its last lines at the end, however short they are', () => {
    writeFileSync(path, `${'y\n'.repeat(100_000)}why\nend`);
    const lines = file.read(true, { left: 3 });
    assert.deepEqual(lines, [`… (${200_000 - 2} bytes skipped)`, 'y', 'why', 'end']);
    assert.equal(file.lastLines.at(-1), 'end');
  });

  it('is emptied when it has more than 16 MiB, whatever was read of it', async () => {
    const mib = 'y\n'.repeat(512 * KIB);
    for (let count = 0; count < 16; count += 1) appendFileSync(path, mib);
    file.read(false, { left: 0 });
    assert.deepEqual([statSync(path).size, file.hasOverflowed], [16 * KIB * KIB, false]);
    appendFileSync(path, 'y\n');
    file.read(false, { left: 0 });
    assert.deepEqual([file.hasOverflowed, file.isBehind], [true, true]);
    await eventually(() => assert.equal(statSync(path).size, 0));
    appendFileSync(path, 'more\n');
    await eventually(() => assert.deepEqual(file.read(), [`… (${16 * KIB * KIB + 2} bytes skipped)`, 'more']));
    assert.equal(file.isBehind, false);
  });

  it('is read where it has more short lines than a call can have parameters', () => {
    writeFileSync(path, '\n'.repeat(256 * KIB));
    assert.equal(file.read().length, 256 * KIB);
    writeFileSync(path, '\n'.repeat(256 * KIB));
    file = new OutputFile(path);
    file.takeUp();
    assert.deepEqual(file.read(), []);
  });

  it('is read from its beginning where somebody else has emptied it', () => {
    writeFileSync(path, 'a long line\n');
    file.read();
    truncateSync(path);
    writeFileSync(path, 'short\n');
    assert.deepEqual(file.read(), ['short']);
    assert.deepEqual(file.read(), []);
  });

  it('is read from its beginning where the program has emptied it and written as much again, or more', async () => {
    writeFileSync(path, 'one\n');
    assert.deepEqual(file.read(), ['one']);
    assert.deepEqual(file.read(), []);
    for (const [text, lines] of [
      ['two\n', ['two']],
      ['begun', []],
      ['three\nfour\n', ['begun', 'three', 'four']],
    ] as const) {
      // The time of a change is as exact as a tick of the kernel.
      await sleep(20);
      writeFileSync(path, text);
      assert.deepEqual(file.read(), lines);
    }
    appendFileSync(path, 'five\n');
    assert.deepEqual(file.read(), ['five']);
    const next = new OutputFile(path);
    next.takeUp();
    await sleep(20);
    writeFileSync(path, 'other\nfour\nfive\n');
    assert.deepEqual(next.read(), ['other', 'four', 'five']);
  });

  it('is read without the hole in front of what a program writes to a place that it keeps by itself', () => {
    const written = openSync(path, 'w');
    try {
      for (const lines of [100_000, 100_000]) {
        writeSync(written, 'x\n'.repeat(lines));
        assert.equal(file.read().length, lines);
      }
      assert.equal(statSync(path).size, 0, 'it is emptied');
      for (const text of ['one\ntwo\n', 'three\n']) {
        writeSync(written, text);
        assert.deepEqual(file.read(), text.trim().split('\n'));
        assert.equal(file.isBehind, false);
      }
      assert.equal(statSync(path).size, 400_014, 'what counts is what it takes of the disk');
    } finally {
      closeSync(written);
    }
  });

  it('has a last line, which is the last one that was not blank', () => {
    assert.deepEqual([file.read(), file.lastLines.at(-1)], [[], undefined]);
    writeFileSync(path, 'one\ntwo\n  \n\n');
    assert.deepEqual(file.read(), ['one', 'two', '  ', '']);
    assert.equal(file.lastLines.at(-1), 'two');
    appendFileSync(path, '\n');
    file.read();
    assert.equal(file.lastLines.at(-1), 'two');
    appendFileSync(path, 'three');
    assert.deepEqual([file.read(), file.lastLines.at(-1)], [[], 'two']);
    assert.deepEqual([file.read(true), file.lastLines.at(-1)], [['three'], 'three']);
  });

  it('is taken up behind what is there, whose begun line is not read on', () => {
    writeFileSync(path, 'one\nbeg');
    file.takeUp();
    assert.equal(file.lastLines.at(-1), 'one');
    appendFileSync(path, 'un\nnext\n');
    assert.deepEqual(file.read(), ['un', 'next']);
  });

  it('makes way for a new one, and is removed, whether it is there or not', () => {
    writeFileSync(path, 'x');
    file.makeWay();
    assert.equal(existsSync(path), false);
    file.makeWay();
    writeFileSync(path, 'x');
    file.remove();
    file.remove();
    assert.equal(existsSync(path), false);
  });

  it('is neither read nor emptied where somebody has put a link to another file in its place', () => {
    const secret = folder.in('secret');
    writeFileSync(secret, 'secret\n'.repeat(50_000));
    symlinkSync(secret, path);
    assert.throws(() => file.read(), { code: 'ELOOP' });
    assert.equal(readFileSync(secret).length, 350_000);
  });

  it('is closed after each time that it is read', function () {
    if (!existsSync('/proc/self/fd')) cannotRun(this, 'there is no /proc to count open files in');
    writeFileSync(path, 'x\n');
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let time = 0; time < 10; time += 1) file.read();
    assert.ok(open() < before + 10);
  });
});
