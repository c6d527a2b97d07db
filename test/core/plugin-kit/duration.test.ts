import assert from 'node:assert/strict';
import { parseDuration } from '#core/plugin-kit/duration.js';

describe('a duration', () => {
  for (const [written, milliseconds] of [
    [2, 2_000],
    [0.1, 100],
    ['0.5', 500],
    ['.5s', 500],
    ['500ms', 500],
    ['2 s', 2_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    [0, 0],
    [2 ** 31 - 1, 2_147_483_647_000],
  ] as const) {
    it(`${JSON.stringify(written)} is ${String(milliseconds)} ms`, () => {
      assert.equal(parseDuration(written), milliseconds);
    });
  }

  for (const written of [-1, Number.NaN, Infinity, '', 's', '1w', '1 2', '-1s', '1e3', 2 ** 31, '99999999d']) {
    it(`${JSON.stringify(written)} is none`, () => {
      assert.equal(parseDuration(written), undefined);
    });
  }
});
