import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorMessage, JitsuError, withOwnCode } from '#core/errors.js';

/** From test/dist/core to the repository. */
const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

describe('the reference of error codes', () => {
  const union = /export type JitsuErrorCode =([^;]*);/.exec(read('core/src/errors.ts'))?.[1] ?? '';
  const codes = [...union.matchAll(/'(JITSU_\w+)'/g)].map(([, code]) => code);
  const rows = read('docs/errors.md')
    .split('\n')
    .filter((line) => line.startsWith('| `JITSU_'))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));

  it('has one row for each code that Jitsu can raise, in the same order, and for no other', () => {
    assert.ok(codes.length >= 25, 'the codes are found in the source');
    assert.deepEqual(
      rows.map(([, code]) => code?.replaceAll('`', '')),
      codes,
    );
  });

  it('says of each what it means, when it appears and what to do', () => {
    for (const row of rows) {
      assert.equal(row.length, 6, row[1]);
      for (const cell of row.slice(2, 5)) assert.ok(cell.length > 8, `${row[1]} is explained`);
    }
  });
});

describe('the message of anything thrown', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 192.0.2.1:80'), { code: 'ECONNREFUSED' });
  const refusedTwice = Object.assign(new AggregateError([refused, refused]), { code: 'ECONNREFUSED' });

  it('ends with that of its cause, or with the code of a cause that has none', () => {
    assert.equal(errorMessage(new TypeError('fetch failed', { cause: refused })), `fetch failed: ${refused.message}`);
    assert.equal(errorMessage(new TypeError('fetch failed', { cause: refusedTwice })), 'fetch failed: ECONNREFUSED');
  });

  it('says nothing twice', () => {
    const message = `no answer: ${refused.message}`;
    assert.equal(errorMessage(new Error(message, { cause: refused })), message);
  });

  it('is that of one of our own errors as it stands', () => {
    const error = new JitsuError('JITSU_CONFIG_NOT_FOUND', 'There is none.', { cause: refused });
    assert.equal(errorMessage(error), 'There is none.');
  });

  it('has the place and what to do where the system has no more of something, which has a code of its own', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', path: '/run/x' });
    const told =
      'ENOSPC: no space left on device, write /run/x (the disk is full, or has no inode left: make room there)';
    assert.equal(errorMessage(full), told);
    const { code, message, cause } = withOwnCode(full) as JitsuError;
    assert.deepEqual([code, message, cause], ['JITSU_OUT_OF_RESOURCES', `${told}.`, full]);
    const open = Object.assign(new Error("EMFILE: too many open files, open '/x'"), { code: 'EMFILE', path: '/x' });
    assert.match(errorMessage(open), /^EMFILE: too many open files, open '\/x' \(this process .*LimitNOFILE/);
    assert.equal(withOwnCode(refused), refused);
  });

  it('is there for a cause that is no error, and for what is no error itself', () => {
    assert.equal(errorMessage(new Error('gone', { cause: 'why' })), 'gone');
    assert.equal(errorMessage(new Error('gone', { cause: new Error('') })), 'gone');
    assert.equal(errorMessage('gone'), 'gone');
  });
});
