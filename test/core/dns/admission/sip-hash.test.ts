import assert from 'node:assert/strict';
import { SipHash } from '#core/dns/admission/sip-hash.js';

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);

/** The result as the reference implementation writes it. */
function hashed(hash: SipHash, bytes: Uint8Array, start = 0, end = bytes.length): string {
  hash.hash(bytes, start, end);
  const output = Buffer.alloc(8);
  output.writeInt32LE(hash.low, 0);
  output.writeInt32LE(hash.high, 4);
  return output.toString('hex');
}

describe('SipHash-2-4', () => {
  const hash = new SipHash(counting(16));

  it('gives the result of the paper, appendix A', () => {
    assert.equal(hashed(hash, counting(15)), Buffer.from('a129ca6149be45e5', 'hex').reverse().toString('hex'));
  });

  // From the table of the reference implementation, by the length of the input.
  for (const [length, expected] of [
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [2, '5a4fa9d909806c0d'],
    [7, '37d1018bf50002ab'],
    [8, '6224939a79f5f593'],
    [16, 'db9bc2577fcc2a3f'],
    [63, '724506eb4c328a95'],
  ] as const) {
    it(`gives the reference's result for ${length} bytes`, () => {
      assert.equal(hashed(hash, counting(length)), expected);
    });
  }

  it('reads no further than it is told', () => {
    assert.equal(hashed(hash, Uint8Array.of(9, 9, 0, 1, 2, 3, 4, 5, 6, 9), 2, 9), '37d1018bf50002ab');
  });

  it('takes no key but of 16 bytes', () => {
    assert.throws(() => new SipHash(counting(8)), RangeError);
  });
});
