import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePlainQuery, parseQuery } from '#core/dns/wire/query-parser.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { queryWithCookie } from '../../../support/dns-cookie.js';
import { queryBytes } from '../../../support/dns-message.js';
import { udpClient } from '../../../support/dns-query.js';

const changes = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 });
const bases = [
  queryBytes('www.test'),
  queryBytes('WwW.test', { type: 'AXFR', edns: { dnssecOk: true, payloadSize: 10 } }),
  queryBytes('www.test', { type: 'OPT', class: 'CH', edns: { version: 1 } }),
  queryBytes('www.test', { class: 'ANY', flags: 0x0130, edns: { payloadSize: 4_096 } }),
  queryWithCookie('www.test', Buffer.alloc(8, 1)),
  queryWithCookie('www.test', Buffer.alloc(24, 2)),
];

describe('the view of a plain query', () => {
  it('reads what the parser reads, of any bytes that it takes for a plain query', () => {
    const view = new QueryView(7);
    let plain = 0;
    fc.assert(
      fc.property(fc.constantFrom(...bases), changes, fc.nat(3), (base, changed, cut) => {
        const bytes = Uint8Array.from(base.subarray(0, base.length - (cut === 3 ? 1 : 0)));
        for (const [offset, value] of changed) bytes[offset % bytes.length] = value;
        if (!view.read(bytes, bytes.length)) return;
        plain += 1;
        assert.deepEqual(parsePlainQuery(bytes, udpClient, view), parseQuery(bytes, udpClient));
      }),
      { numRuns: 5_000 },
    );
    assert.ok(plain > 1_000, `only ${plain} plain queries`);
  });

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
      assert.equal(new QueryView(0).read(message, message.length), isRead, `${length} bytes`);
    }
  });
});
