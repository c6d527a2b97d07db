import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalName, decodeName, encodeName, parentName } from '#core/dns/wire/domain-name.js';

describe('a domain name', () => {
  it('goes to the wire as length-prefixed labels, with or without a trailing dot', () => {
    const wire = Uint8Array.from([1, 0x61, 2, 0x62, 0x63, 0]);
    assert.deepEqual(encodeName('a.bc'), wire);
    assert.deepEqual(encodeName('a.bc.'), wire);
    assert.deepEqual(encodeName(''), Uint8Array.of(0));
    assert.deepEqual(encodeName('.'), Uint8Array.of(0));
  });

  it('may hold escaped dots, backslashes and any byte', () => {
    assert.deepEqual(encodeName('a\\.b\\\\\\000\\255'), Uint8Array.from([6, 0x61, 0x2e, 0x62, 0x5c, 0, 255, 0]));
  });

  it('is refused with an empty or too long label, too many bytes, or what must be escaped', () => {
    const longest = `${`${'a'.repeat(63)}.`.repeat(3)}${'a'.repeat(61)}`;
    assert.equal(encodeName(longest).length, 255);
    for (const name of ['a..b', '.a', 'a'.repeat(64), `${longest}a`, 'é', 'a\\', 'a\\1', 'a\\256']) {
      assert.throws(() => encodeName(name), RangeError, name);
    }
  });

  it('comes off the wire in lower case, with letters of other alphabets left as they are', () => {
    assert.equal(decodeName(Uint8Array.from([3, 0x41, 0x7a, 0xc4, 0]), 0)?.name, 'az\\196');
  });

  it('comes off the wire as it went there, whatever bytes it is of', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 63 });
    fc.assert(
      fc.property(fc.array(label, { maxLength: 3 }), (labels) => {
        const wire = Uint8Array.from([...labels.flatMap((bytes) => [bytes.length, ...bytes]), 0]);
        const decoded = decodeName(wire, 0);
        assert.equal(decoded?.end, wire.length);
        const again = decodeName(encodeName(decoded?.name ?? ''), 0);
        assert.deepEqual(again, decoded);
      }),
    );
  });

  it('has labels of at most 63 bytes and at most 255 in all, in both directions and to the byte', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 66 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(sizes, fc.nat(255), (lengths, filling) => {
        const bytes = Uint8Array.from([
          ...lengths.flatMap((length) => [length, ...Array<number>(length).fill(filling)]),
          0,
        ]);
        const text = lengths.map((length) => `\\${String(filling).padStart(3, '0')}`.repeat(length)).join('.');
        const isName = lengths.every((length) => length <= 63) && bytes.length <= 255;
        assert.equal(decodeName(bytes, 0) !== undefined, isName);
        if (isName) assert.deepEqual(encodeName(text), bytes);
        else assert.throws(() => encodeName(text), RangeError);
      }),
    );
  });

  it('is refused off the wire where it is cut off, compressed or too long', () => {
    for (const bytes of [[], [1], [1, 0x61], [2, 0x61, 0], [0xc0, 0], [1, 0x61, 0xc0, 0], [0x40, 0]]) {
      assert.equal(decodeName(Uint8Array.from(bytes), 0), undefined, String(bytes));
    }
    const tooLong = Uint8Array.from([...Array.from({ length: 128 }, () => [1, 0x61]).flat(), 0]);
    assert.equal(decodeName(tooLong, 0), undefined);
    const labels = Array.from({ length: 126 }, () => [1, 0x61]).flat();
    assert.notEqual(decodeName(Uint8Array.from([...labels, 1, 0x61, 0]), 0), undefined, 'a name of 255 bytes');
    assert.equal(decodeName(Uint8Array.from([...labels, 2, 0x61, 0x61, 0]), 0), undefined, 'a name of 256 bytes');
  });

  it('has one canonical form for all that are the same', () => {
    assert.equal(canonicalName('WWW.Example.ORG.'), 'www.example.org');
    assert.equal(canonicalName('\\119ww'), 'www');
  });

  it('has a parent up to the root, and an escaped dot does not part labels', () => {
    assert.equal(parentName('a\\.b.c'), 'c');
    assert.equal(parentName('c'), '');
    assert.equal(parentName(''), undefined);
  });
});
