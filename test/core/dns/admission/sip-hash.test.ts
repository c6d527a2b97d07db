import assert from 'node:assert/strict';
import fc from 'fast-check';
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

const MASK = 0xffff_ffff_ffff_ffffn;

/** The same by the paper's definition, in 64-bit arithmetic. */
function referenceHash(key: Uint8Array, bytes: Uint8Array): string {
  const [k0, k1] = [Buffer.from(key).readBigUInt64LE(0), Buffer.from(key).readBigUInt64LE(8)];
  const padded = Buffer.alloc((bytes.length & ~7) + 8);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  const turned = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & MASK;
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = turned(v1, 13n) ^ v0;
    v0 = turned(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = turned(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = turned(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = turned(v1, 17n) ^ v2;
    v2 = turned(v2, 32n);
  };
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word;
    for (let count = 0; count < 2; count++) round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let count = 0; count < 4; count++) round();
  const output = Buffer.alloc(8);
  output.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3);
  return output.toString('hex');
}

/** A key of four words of 32 bits. */
function keyOf(...words: readonly number[]): Uint8Array {
  const key = Buffer.alloc(16);
  for (const [index, word] of words.entries()) key.writeInt32LE(word | 0, index * 4);
  return key;
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

  it('gives what 64-bit arithmetic gives, for any key and message', () => {
    const key = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 40 }), (secret, bytes) => {
        assert.equal(hashed(new SipHash(secret), bytes), referenceHash(secret, bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it('carries nothing where the lower half of what is added is 0', () => {
    // With these words of the key, the second number of each of the four additions in the first round has that half 0.
    const [v1l, v1h, v3l, v3h] = [0x01234567, 0x89abcdef, 0x01234567 ^ 0x6e646f6d ^ 0x79746573, 0x7f6e5d4c];
    const ofV1 = keyOf(
      (((v1l << 13) | (v1h >>> 19)) - v1l) ^ 0x70736575,
      0x13579bdf,
      v1l ^ 0x6e646f6d,
      v1h ^ 0x646f7261,
    );
    const ofV3 = keyOf(
      (((v3l << 16) | (v3h >>> 16)) - v3l) ^ 0x6e657261,
      0x13579bdf,
      v3l ^ 0x79746573,
      v3h ^ 0x74656462,
    );
    const keys = [keyOf(1, 2, 0x6e646f6d, 3), keyOf(1, 2, 0x79746573, 3), ofV1, ofV3];
    for (const key of keys) {
      assert.equal(hashed(new SipHash(key), new Uint8Array(8)), referenceHash(key, new Uint8Array(8)));
    }
  });

  it('reads no further than it is told', () => {
    assert.equal(hashed(hash, Uint8Array.of(9, 9, 0, 1, 2, 3, 4, 5, 6, 9), 2, 9), '37d1018bf50002ab');
  });

  it('takes no key but of 16 bytes', () => {
    assert.throws(() => new SipHash(counting(8)), RangeError);
  });
});
