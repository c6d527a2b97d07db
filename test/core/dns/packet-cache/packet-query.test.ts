import assert from 'node:assert/strict';
import { HotQuery } from '#core/dns/packet-cache/packet-query.js';
import { queryBytes } from '../../../support/dns-message.js';

describe('a query as the packet cache reads it', () => {
  it('has a name of at most 255 bytes', () => {
    const plain = queryBytes('a.test');
    for (const [length, isRead] of [
      [254, true],
      [255, true],
      [256, false],
      [257, false],
    ] as const) {
      const labels = [63, 63, 63, length - 194].flatMap((size) => [size, ...Array<number>(size).fill(0x61)]);
      const message = Uint8Array.from([...plain.subarray(0, 12), ...labels, 0, 0, 1, 0, 1]);
      assert.equal(new HotQuery(0).read(message, message.length), isRead, `${length} bytes`);
    }
  });
});
