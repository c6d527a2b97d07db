import assert from 'node:assert/strict';
import type { Asker } from '#core/dns/admission/asker.js';
import { HotAnswers } from '#core/dns/packet-cache/packet-cache.js';
import { HotReader, LONGEST_HOT_ANSWER, MISS, SILENCE } from '#core/dns/packet-cache/packet-reader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAccess } from '../../../support/dns-asker.js';
import { aQuery } from '../../../support/dns-query.js';
import { FakeLease } from '../../../support/fake-lease.js';

describe('a reader of hot answers', () => {
  const rateLimit = { perSecond: 1, slip: 0, exempt: [] };
  const stage = () => {
    const hot = new HotAnswers(false, new ManualClock());
    const query = aQuery('www.test');
    const lease = new FakeLease();
    hot.keep(query, { rcode: 0, answers: [{ name: 'www.test', type: 'A', ttl: 60, address: '192.0.2.1' }], lease });
    const reader = new HotReader(hot.memory, false);
    const out = new Uint8Array(LONGEST_HOT_ANSWER);
    const asker = anAccess({ rateLimit }).askerOf(query.client);
    const ask = (): number => {
      asker.come(Uint8Array.of(192, 0, 2, 1), true);
      return reader.answer(query.message, query.message.length, out, asker, 0);
    };
    return { ask, asker, lease };
  };

  it('counts what it gives to an asker whose responses are limited, and is silent above the limit', () => {
    const { ask, asker } = stage();
    assert.ok(ask() > 0);
    assert.equal(asker.verdict, 'send');
    assert.equal(ask(), SILENCE);
    assert.equal(asker.verdict, 'drop');
  });

  it('leaves an answer that ends while it is given to others, and its count, too', () => {
    const { ask, asker, lease } = stage();
    const admit = asker.admit.bind(asker);
    const endingMeanwhile: Asker['admit'] = (now) => {
      lease.end();
      return admit(now);
    };
    asker.admit = endingMeanwhile;
    assert.equal(ask(), MISS);
    assert.equal(asker.verdict, 'send');
    assert.deepEqual([admit(0), admit(0)], ['send', 'drop']);
  });
});
