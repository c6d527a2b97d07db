import assert from 'node:assert/strict';
import { MessageNames, readName, skipName } from '#core/dns/wire/compressed-name.js';
import { numbersFrom } from '../../../support/numbers-from.js';

const header = new Uint8Array(12);
const label = (length: number, character = 'a'): number[] => [
  length,
  ...Array<number>(length).fill(character.charCodeAt(0)),
];
/** A name whose wire form, the root's zero byte included, has so many bytes: from 194 to 257. */
const nameOf = (bytes: number): number[] => [...label(63), ...label(63), ...label(63), ...label(bytes - 194), 0];

describe('a compressed name', () => {
  it('is read in lower case from wherever its pointers lead', () => {
    const message = Uint8Array.from([...header, ...label(1, 'A'), 0, ...label(1, 'b'), 0xc0, 12]);
    assert.equal(readName(message, 15), '\x01b\x01a\0');
  });

  it('is none where a pointer points to itself, forward, or into the header', () => {
    for (const pointer of [12, 13, 200, 0, 11]) {
      assert.equal(readName(Uint8Array.from([...header, 0xc0, pointer, 0]), 12), undefined, `${pointer}`);
    }
    const circle = Uint8Array.from([...header, ...label(1), 0xc0, 12]);
    assert.equal(readName(circle, 14), undefined);
    assert.equal(readName(circle, 12), undefined);
  });

  it('is none beyond 127 pointers, though each goes back', () => {
    const chain = (count: number): Uint8Array => {
      const targets = Array.from({ length: count }, (_, index) => (index === 0 ? 12 : 13 + 2 * (index - 1)));
      return Uint8Array.from([...header, 0, ...targets.flatMap((target) => [0xc0 | (target >> 8), target & 255])]);
    };
    assert.equal(readName(chain(127), 13 + 2 * 126), '\0');
    assert.equal(readName(chain(128), 13 + 2 * 127), undefined);
  });

  it('is read once for all that point to it, and not at all where a message has too many', () => {
    const message = Uint8Array.from([...header, ...nameOf(255), 0xc0, 12, 0xc0, 12, 0]);
    const names = new MessageNames(message);
    assert.equal(names.at(267), readName(message, 12));
    assert.equal(names.at(269), names.at(12));
    const label255 = nameOf(255);
    const copies = Array.from({ length: 600 }, () => label255).flat();
    const many = new MessageNames(Uint8Array.from([...header, ...copies]));
    const read = Array.from({ length: 600 }, (_, index) => many.at(12 + 255 * index) !== undefined);
    assert.equal(read.filter(Boolean).length, 373, 'each of these equal names counts as 264 bytes');
    assert.notEqual(many.at(12), undefined, 'what was read stays known');
  });

  it('is the same alone and among the others of its message, whatever the bytes are', () => {
    const next = numbersFrom(20_261_130);
    let wellFormed = 0;
    for (let round = 0; round < 2_000; round++) {
      const bytes = Array.from({ length: 60 }, () => [0, 1, 2, 3, 0xc0, 12 + next(60), 63, 65, 97][next(9)] as number);
      const message = Uint8Array.from([...header, ...bytes]);
      const names = new MessageNames(message);
      const ids = new Map<string | undefined, number>([[undefined, -1]]);
      for (let at = 12 + next(3); at < 72; at += 1 + next(3)) {
        const name = readName(message, at);
        assert.equal(names.at(at), name);
        assert.equal(names.idAt(at), ids.get(name) ?? names.idAt(at));
        ids.set(name, names.idAt(at));
        assert.equal(names.endAt(at) !== undefined, name !== undefined);
        if (name !== undefined) assert.equal(names.endAt(at), skipName(message, at));
        if (name !== undefined) wellFormed += 1;
      }
      assert.equal(new Set(ids.values()).size, ids.size, 'other names have other numbers');
    }
    assert.ok(wellFormed > 2_000, `${wellFormed}`);
  });

  it('has at most 255 bytes, in one piece or by a pointer', () => {
    assert.equal(readName(Uint8Array.from([...header, ...nameOf(255)]), 12)?.length, 255);
    assert.equal(readName(Uint8Array.from([...header, ...nameOf(256)]), 12), undefined);
    const [whole, pointer] = [nameOf(254), [...label(1), 0xc0, 12]];
    assert.equal(readName(Uint8Array.from([...header, ...whole, ...pointer]), 12 + 254), undefined);
    assert.equal(readName(Uint8Array.from([...header, ...nameOf(253), ...pointer]), 12 + 253)?.length, 255);
  });
});
