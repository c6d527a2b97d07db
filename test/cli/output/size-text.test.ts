import assert from 'node:assert/strict';
import { sizeText } from '#cli/output/size-text.js';

describe('a size in words', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1 KiB'],
    [65_536_000, '62.5 MiB'],
    [67_108_864, '64 MiB'],
    [1_610_612_736, '1.5 GiB'],
    [2 ** 52, '4096 TiB'],
  ] as const) {
    it(`${bytes} bytes are ${text}`, () => assert.equal(sizeText(bytes), text));
  }
});
