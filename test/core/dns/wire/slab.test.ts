import assert from 'node:assert/strict';
import { Slab } from '#core/dns/wire/slab.js';

describe('a slab', () => {
  it('gives pieces of the length that is asked for, of which none touches another', () => {
    const slab = new Slab();
    const lengths = Array.from({ length: 300 }, (_, index) => (index * 37) % 3_000);
    const pieces = lengths.map((length, index) => slab.take(length).fill(index));
    const words = lengths.map((length, index) => slab.takeWords(length % 200).fill(index));
    for (const [index, piece] of pieces.entries()) {
      assert.equal(piece.length, lengths[index]);
      assert.ok(piece.every((byte) => byte === (index & 0xff)));
    }
    for (const [index, piece] of words.entries()) assert.ok(piece.every((word) => word === index));
  });

  it('begins each at a multiple of 8', () => {
    const slab = new Slab();
    for (const length of [1, 7, 8, 9, 2_047, 2_048, 2_049, 1]) assert.equal(slab.take(length).byteOffset % 8, 0);
  });
});
