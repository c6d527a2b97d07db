/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a short keyed hash that cannot be predicted without the key, in 32-bit
 * arithmetic and without allocation.
 */
export class SipHash {
  /** The last result: its lower and its upper 32 bits, each as a signed number. */
  low = 0;
  high = 0;
  private readonly key: readonly [number, number, number, number];

  /** @throws RangeError unless the key has 16 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`a key of 16 bytes expected, not of ${key.length}`);
    this.key = [littleEndian(key, 0), littleEndian(key, 4), littleEndian(key, 8), littleEndian(key, 12)];
  }

  /** Hashes the bytes from `start` up to `end` into `low` and `high`. */
  hash(bytes: Uint8Array, start: number, end: number): void {
    const [k0l, k0h, k1l, k1h] = this.key;
    // "somepseudorandomlygeneratedbytes", as in the paper.
    let v0l = k0l ^ 0x70736575;
    let v0h = k0h ^ 0x736f6d65;
    let v1l = k1l ^ 0x6e646f6d;
    let v1h = k1h ^ 0x646f7261;
    let v2l = k0l ^ 0x6e657261;
    let v2h = k0h ^ 0x6c796765;
    let v3l = k1l ^ 0x79746573;
    let v3h = k1h ^ 0x74656462;

    const length = end - start;
    const blocks = (length >>> 3) + 1;
    for (let block = 0; block <= blocks; block++) {
      let ml = 0;
      let mh = 0;
      const at = start + (block << 3);
      if (block < blocks - 1) {
        ml = littleEndian(bytes, at);
        mh = littleEndian(bytes, at + 4);
      } else if (block === blocks - 1) {
        for (let index = 0; at + index < end; index++) {
          const byte = bytes[at + index] as number;
          if (index < 4) ml |= byte << (index << 3);
          else mh |= byte << ((index - 4) << 3);
        }
        mh |= length << 24;
      } else {
        v2l ^= 0xff;
      }
      v3l ^= ml;
      v3h ^= mh;
      for (let rounds = block === blocks ? 4 : 2; rounds > 0; rounds--) {
        // v0 += v1; v1 = v1 <<< 13 ^ v0; v0 <<<= 32
        let low = (v0l + v1l) | 0;
        let high = (v0h + v1h + (low >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
        let turned = (v1l << 13) | (v1h >>> 19);
        v1h = ((v1h << 13) | (v1l >>> 19)) ^ high;
        v1l = turned ^ low;
        v0l = high;
        v0h = low;
        // v2 += v3; v3 = v3 <<< 16 ^ v2
        low = (v2l + v3l) | 0;
        high = (v2h + v3h + (low >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
        turned = (v3l << 16) | (v3h >>> 16);
        v3h = ((v3h << 16) | (v3l >>> 16)) ^ high;
        v3l = turned ^ low;
        v2l = low;
        v2h = high;
        // v0 += v3; v3 = v3 <<< 21 ^ v0
        low = (v0l + v3l) | 0;
        high = (v0h + v3h + (low >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
        turned = (v3l << 21) | (v3h >>> 11);
        v3h = ((v3h << 21) | (v3l >>> 11)) ^ high;
        v3l = turned ^ low;
        v0l = low;
        v0h = high;
        // v2 += v1; v1 = v1 <<< 17 ^ v2; v2 <<<= 32
        low = (v2l + v1l) | 0;
        high = (v2h + v1h + (low >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
        turned = (v1l << 17) | (v1h >>> 15);
        v1h = ((v1h << 17) | (v1l >>> 15)) ^ high;
        v1l = turned ^ low;
        v2l = high;
        v2h = low;
      }
      v0l ^= ml;
      v0h ^= mh;
    }
    this.low = v0l ^ v1l ^ v2l ^ v3l;
    this.high = v0h ^ v1h ^ v2h ^ v3h;
  }
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
