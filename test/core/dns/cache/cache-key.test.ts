import assert from 'node:assert/strict';
import { cacheKey, flagsIn, KeyFlag, nameIn } from '#core/dns/cache/cache-key.js';
import { aQuery } from '../../../support/dns-query.js';

const keyOf = (label: string, options = {}): string => {
  const query = aQuery(`${'x'.repeat(label.length)}.test`, options);
  const message = Buffer.from(query.message);
  message.write(label, 13, 'latin1');
  return cacheKey({ ...query, message });
};

describe('the key of an answer', () => {
  it('has the letters of a name in lower case, and every other byte as it is', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const folded = byte >= 65 && byte <= 90 ? byte + 32 : byte;
      assert.equal(nameIn(keyOf(String.fromCharCode(byte))), `\x01${String.fromCharCode(folded)}\x04test\0`);
    }
    assert.equal(keyOf('AzZa'), keyOf('aZzA'));
  });

  it('has the longest name whole', () => {
    const query = aQuery(`${`${'a'.repeat(61)}.`.repeat(4)}bcdef`);
    const key = cacheKey(query);
    assert.equal(nameIn(key).length, 255);
    assert.equal(nameIn(key).slice(-7), '\x05bcdef\0');
    assert.equal(key.length, 255 + 5);
  });

  it('tells apart by type, and by what the client wants to know of DNSSEC', () => {
    assert.notEqual(keyOf('a'), keyOf('a', { type: 'AAAA' }));
    assert.equal(flagsIn(keyOf('a')), 0);
    assert.equal(flagsIn(keyOf('a', { edns: { dnssecOk: true } })), KeyFlag.DnssecOk);
  });
});
