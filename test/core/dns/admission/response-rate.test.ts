import assert from 'node:assert/strict';
import { addressBytes } from '#core/net/address-bytes.js';
import { ResponseRate, type RateVerdict } from '#core/dns/admission/response-rate.js';

const bytesOf = (address: string): Uint8Array => addressBytes(address) as Uint8Array;

function admitted(rate: ResponseRate, address: string, times: number, now: number): RateVerdict[] {
  return Array.from({ length: times }, () => rate.admit(bytesOf(address), now));
}
const sent = (verdicts: readonly RateVerdict[]): number => verdicts.filter((verdict) => verdict === 'send').length;

describe('the rate of responses', () => {
  const start = 1_700_000_000_000.25;

  it('lets so many a second pass, and each how many-th of the others cut', () => {
    const rate = new ResponseRate({ perSecond: 5, slip: 2 });
    const all = admitted(rate, '192.0.2.1', 11, start);
    assert.deepEqual(all.slice(0, 5), Array(5).fill('send'));
    assert.deepEqual(all.slice(5), ['drop', 'slip', 'drop', 'slip', 'drop', 'slip']);
  });

  it('lets as many pass in the long run, however they are spread', () => {
    const rate = new ResponseRate({ perSecond: 7, slip: 0 });
    let count = 0;
    for (let time = 0; time < 60_000; time += 13) count += sent(admitted(rate, '192.0.2.1', 1, start + time));
    assert.ok(count >= 60 * 7 && count <= 61 * 7, `${count}`);
  });

  it('lets a burst pass again after a silence, but no larger one', () => {
    const rate = new ResponseRate({ perSecond: 100, slip: 0 });
    assert.equal(sent(admitted(rate, '192.0.2.1', 200, start)), 100);
    assert.equal(sent(admitted(rate, '192.0.2.1', 200, start + 500)), 50);
    assert.equal(sent(admitted(rate, '192.0.2.1', 200, start + 60_000)), 100);
  });

  it('lets a response pass half an interval early, and no earlier', () => {
    for (const [time, verdict] of [
      [499, 'drop'],
      [500, 'send'],
    ] as const) {
      const rate = new ResponseRate({ perSecond: 1, slip: 0 });
      assert.deepEqual(admitted(rate, '192.0.2.1', 1, 0), ['send']);
      assert.deepEqual(admitted(rate, '192.0.2.1', 1, time), [verdict], `after ${time} ms`);
    }
  });

  it('counts an IPv4 /24 and an IPv6 /56 as one, and others apart', () => {
    const rate = new ResponseRate(
      { perSecond: 1, slip: 0 },
      { key: new Uint8Array(16), memory: new ArrayBuffer(589_824) },
    );
    assert.equal(rate.admit(bytesOf('192.0.2.1'), start), 'send');
    assert.equal(rate.admit(bytesOf('192.0.2.255'), start), 'drop');
    assert.equal(rate.admit(bytesOf('::ffff:192.0.2.3'), start), 'drop');
    assert.equal(rate.admit(bytesOf('192.0.3.1'), start), 'send');
    assert.equal(rate.admit(bytesOf('2001:db8:0:1::1'), start), 'send');
    assert.equal(rate.admit(bytesOf('2001:db8:0:ff::1'), start), 'drop');
    assert.equal(rate.admit(bytesOf('2001:db8:0:100::1'), start), 'send');
  });

  it('always or never cuts where told so, and has no limit where there is none', () => {
    const over = (slip: number): RateVerdict[] =>
      admitted(new ResponseRate({ perSecond: 1, slip }), '192.0.2.1', 4, start).slice(1);
    assert.deepEqual(over(1), ['slip', 'slip', 'slip']);
    assert.deepEqual(over(0), ['drop', 'drop', 'drop']);
    assert.equal(sent(admitted(new ResponseRate({ perSecond: 0, slip: 2 }), '192.0.2.1', 1_000, start)), 1_000);
  });

  it('leaves others alone while one is over it, and those who spray over all networks', () => {
    const rate = new ResponseRate({ perSecond: 100, slip: 2 });
    for (let index = 0; index < 200_000; index++) rate.admit(Uint8Array.of(index >> 16, index >> 8, index, 1), start);
    assert.equal(rate.admit(bytesOf('192.0.2.1'), start), 'send');
  });

  it('is one for all who share it', () => {
    const shared = ResponseRate.shared();
    const [one, other] = [1, 2].map(() => new ResponseRate({ perSecond: 4, slip: 0 }, structuredClone(shared)));
    assert.equal(sent(admitted(one as ResponseRate, '192.0.2.1', 3, start)), 3);
    assert.equal(sent(admitted(other as ResponseRate, '192.0.2.1', 3, start)), 1);
  });

  it('keeps its counts in 65,536 buckets of nine bytes, which do not overlap', () => {
    // With a random key, two of the networks may share a bucket.
    const shared = ResponseRate.shared(new Uint8Array(16));
    assert.equal(shared.memory.byteLength, 65_536 * 9);
    const rate = new ResponseRate({ perSecond: 1, slip: 3 }, shared);
    for (const last of [1, 2, 3, 4, 5]) admitted(rate, `192.0.${last}.1`, 3, start);
    const used = new Float64Array(shared.memory, 0, 65_536).filter((fullAt) => fullAt !== 0);
    const over = new Uint8Array(shared.memory, 65_536 * 8).filter((count) => count !== 0);
    assert.deepEqual([used.length, over.length], [5, 5]);
    assert.notDeepEqual(ResponseRate.shared().key, ResponseRate.shared().key);
  });
});
