import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TextIndex } from '#core/collections/text-index.js';

const text = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'a.test', 'A.test', 'a'.repeat(300)),
  fc.string({ unit: 'binary' }),
);

describe('an index of texts', () => {
  it('tells what a map would tell, whatever is set and in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.nat())), fc.array(text), (settings, others) => {
        const [index, map] = [new TextIndex<number>(), new Map<string, number>()];
        for (const [key, value] of settings) {
          index.set(key, value);
          map.set(key, value);
        }
        assert.equal(index.size, map.size);
        assert.deepEqual([...index.keys()], [...map.keys()]);
        assert.deepEqual([...index.values()], [...map.values()]);
        for (const key of [...map.keys(), ...others]) {
          assert.equal(index.get(key), map.get(key));
          assert.equal(index.has(key), map.has(key));
        }
      }),
    );
  });

  it('tells what a map would tell, whatever is set and removed', () => {
    const change = fc.record({ key: text, value: fc.nat(), isRemoved: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
        const [index, map] = [new TextIndex<number>(), new Map<string, number>()];
        for (const { key, value, isRemoved } of changes) {
          if (isRemoved) {
            assert.equal(index.delete(key), map.get(key));
            map.delete(key);
          } else {
            index.set(key, value);
            map.set(key, value);
          }
          assert.equal(index.size, map.size);
        }
        assert.deepEqual([...index.keys()], [...map.keys()]);
        assert.deepEqual([...index.values()], [...map.values()]);
        for (const { key } of changes) assert.equal(index.get(key), map.get(key));
      }),
    );
  });

  it('finds what is left of 100,000 when others were removed, and keeps no room for these', () => {
    const index = new TextIndex<number>();
    for (let number = 0; number < 100_000; number += 1) index.set(`host-${number}`, number);
    for (let number = 0; number < 100_000; number += 1) if (number % 10 !== 3) index.delete(`host-${number}`);
    assert.equal(index.size, 10_000);
    for (let number = 0; number < 100_000; number += 1) {
      assert.equal(index.get(`host-${number}`), number % 10 === 3 ? number : undefined);
    }
    assert.equal([...index.values()].length, 10_000);
  });

  it('shows whoever goes through it all that stays, whatever is removed meanwhile', () => {
    const index = new TextIndex<number>();
    for (let number = 0; number < 100; number += 1) index.set(`host-${number}`, number);
    const seen: number[] = [];
    for (const number of index.values()) {
      seen.push(number);
      if (number % 2 === 0) for (const other of [number, number + 1]) if (other % 3 > 0) index.delete(`host-${other}`);
    }
    assert.ok(seen.every((number) => typeof number === 'number'));
    for (const number of index.values()) assert.ok(seen.includes(number));
  });

  it('leaves what is there to the first that was added, and says who that is', () => {
    const index = new TextIndex<string>();
    assert.equal(index.add('a.test', 'first'), undefined);
    assert.equal(index.add('a.test', 'second'), 'first');
    assert.equal(index.get('a.test'), 'first');
    assert.equal(index.size, 1);
  });

  it('finds each of 100,000 texts that are much alike, and none of others', () => {
    const index = new TextIndex<number>();
    const nameOf = (number: number): string => `host-${number}.example.org`;
    for (let number = 0; number < 100_000; number += 1) index.set(nameOf(number), number);
    for (let number = 0; number < 100_000; number += 1) assert.ok(index.get(nameOf(number)) === number);
    for (let number = 100_000; number < 200_000; number += 1) assert.ok(!index.has(nameOf(number)));
  });
});
