import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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
