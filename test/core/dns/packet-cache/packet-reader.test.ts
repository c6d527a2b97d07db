import assert from 'node:assert/strict';
import type { Admission } from '#core/dns/admission/admission.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { PacketReader, LONGEST_CACHED_ANSWER, MISS, SILENCE } from '#core/dns/packet-cache/packet-reader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { anAccessControl } from '../../../support/dns-admission.js';
import { aQuery } from '../../../support/dns-query.js';
import { FakeLease } from '../../../support/fake-lease.js';

describe('a reader of the packet cache', () => {
  const rateLimit = { perSecond: 1, slip: 0, exempt: [] };
  const stage = () => {
    const hot = new PacketCache(false, new ManualClock());
    const query = aQuery('www.test');
    const lease = new FakeLease();
    hot.keep(query, { rcode: 0, answers: [{ name: 'www.test', type: 'A', ttl: 60, address: '192.0.2.1' }], lease });
    const reader = new PacketReader(hot.memory, false);
    const view = new QueryView(hot.memory.seed);
    assert.ok(view.read(query.message, query.message.length));
    const out = new Uint8Array(LONGEST_CACHED_ANSWER);
    const asker = anAccessControl({ rateLimit }).admissionOf(query.client);
    const ask = (): number => {
      asker.begin(Uint8Array.of(192, 0, 2, 1), true);
      return reader.answer(view, query.message, query.message.length, out, asker, 0);
    };
    return { ask, asker, lease };
  };

  it('counts what it gives to a client whose responses are limited, and is silent above the limit', () => {
    const { ask, asker } = stage();
    assert.ok(ask() > 0);
    assert.equal(asker.rateVerdict, 'send');
    assert.equal(ask(), SILENCE);
    assert.equal(asker.rateVerdict, 'drop');
  });

  it('leaves an answer that ends while it is given to others, and its count, too', () => {
    const { ask, asker, lease } = stage();
    const admit = asker.admit.bind(asker);
    const endingMeanwhile: Admission['admit'] = (now) => {
      lease.end();
      return admit(now);
    };
    asker.admit = endingMeanwhile;
    assert.equal(ask(), MISS);
    assert.equal(asker.rateVerdict, 'send');
    assert.deepEqual([admit(0), admit(0)], ['send', 'drop']);
  });
});
