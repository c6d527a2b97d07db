import assert from 'node:assert/strict';
import { RandomSource } from '#core/dns/forwarder/random-source.js';

/** So many that a block of 4,096 bytes is drawn several times. */
const COUNT = 10_000;

describe('unpredictable numbers', () => {
  const draw = (next: (random: RandomSource) => number): number[] => {
    const random = new RandomSource();
    return Array.from({ length: COUNT }, () => next(random));
  };

  for (const [title, bits, next] of [
    ['of 16 bits', 16, (random: RandomSource) => random.uint16()],
    ['of 32 bits', 32, (random: RandomSource) => random.uint32()],
  ] as const) {
    it(`${title} have each of their bits set in half of them, by themselves`, () => {
      const numbers = draw(next);
      for (let bit = 0; bit < bits; bit++) {
        const set = numbers.filter((number) => Math.floor(number / 2 ** bit) % 2 === 1).length;
        // Ten standard deviations, of 50 each.
        assert.ok(Math.abs(set - COUNT / 2) < 500, `bit ${bit} is set in ${set}`);
      }
      assert.ok(numbers.every((number) => number >= 0 && number < 2 ** bits));
      assert.ok(new Set(numbers).size > 0.9 * COUNT, 'no block is used twice');
    });
  }

  it('of both sizes come from one block without running over its end', () => {
    const random = new RandomSource();
    random.uint16();
    for (let count = 0; count < 4_096; count++) {
      assert.ok(random.uint32() < 2 ** 32);
      if (count % 3 === 0) random.uint16();
    }
  });

  it('below a limit are all those from 0 on, alike often', () => {
    for (const limit of [1, 3, 32]) {
      const counts = Array<number>(limit).fill(0);
      for (const number of draw((random) => random.below(limit))) counts[number] = (counts[number] as number) + 1;
      assert.equal(counts.length, limit);
      const expected = COUNT / limit;
      for (const count of counts) assert.ok(Math.abs(count - expected) <= 10 * Math.sqrt(expected), counts.join());
    }
    const large = draw((random) => random.below(65_536));
    assert.ok(Math.max(...large) > 65_000 && Math.min(...large) < 500);
  });

  it('are drawn from the system by blocks, each of which is used to its end', () => {
    const random = new RandomSource();
    const block = (): string => random['block'].toString('hex');
    const empty = block();
    assert.equal(empty, '00'.repeat(4_096));
    const first = random.uint16();
    const drawn = block();
    assert.equal(first, random['block'].readUInt16LE(0));
    for (let position = 2; position < 4_096; position += 2) {
      assert.equal(random.uint16(), random['block'].readUInt16LE(position));
    }
    assert.equal(block(), drawn);
    assert.equal(random.uint32(), random['block'].readUInt32LE(0));
    assert.notEqual(block(), drawn);
  });
});
