import assert from 'node:assert/strict';
import type { Admission } from '#core/dns/admission/admission.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { PacketReader, LONGEST_CACHED_ANSWER, MISS, SILENCE } from '#core/dns/packet-cache/packet-reader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { anAccessControl, anAdmission } from '../../../support/dns-admission.js';
import { cookieOfKind, queryWithCookie } from '../../../support/dns-cookie.js';
import { queryBytes } from '../../../support/dns-message.js';
import { aQuery, udpClient } from '../../../support/dns-query.js';
import { FakeLease } from '../../../support/fake-lease.js';
import { wakeSettings } from '../../../support/wake-settings.js';

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

  it('takes two questions with one hash for two', () => {
    const hot = new PacketCache(false, new ManualClock());
    const [kept, other] = [aQuery('www.test'), aQuery('abc.test')];
    const answers = [{ name: 'www.test', type: 'A', ttl: 60, address: '192.0.2.1' }] as const;
    hot.keep(kept, { rcode: 0, answers, lease: new FakeLease() });
    const [one, view] = [new QueryView(hot.memory.seed), new QueryView(hot.memory.seed)];
    assert.ok(one.read(kept.message, kept.message.length) && view.read(other.message, other.message.length));
    view.hash = one.hash;
    const out = new Uint8Array(LONGEST_CACHED_ANSWER);
    const answer = (query: QueryView, { message }: { readonly message: Uint8Array }): number =>
      new PacketReader(hot.memory, false).answer(query, message, message.length, out, anAdmission(), 0);
    assert.equal(answer(view, other), MISS);
    assert.ok(answer(one, kept) > 0);
  });

  it('counts no response where the answer has expired', () => {
    const hot = new PacketCache(false, new ManualClock(0));
    const query = aQuery('www.test');
    hot.keep(query, { message: queryBytes('www.test', { flags: 0x8180 }), reusableUntil: 10 });
    const reader = new PacketReader(hot.memory, false);
    const view = new QueryView(hot.memory.seed);
    assert.ok(view.read(query.message, query.message.length));
    const admission = anAccessControl({ rateLimit }).admissionOf(query.client);
    const ask = (now: number): number => {
      admission.begin(Uint8Array.of(192, 0, 2, 1), true);
      return reader.answer(
        view,
        query.message,
        query.message.length,
        new Uint8Array(LONGEST_CACHED_ANSWER),
        admission,
        now,
      );
    };
    for (let round = 0; round < 3; round++) assert.equal(ask(10), MISS);
    assert.ok(ask(9) > 0);
  });

  it('takes no cookie of an earlier message in the same memory for that of a query without one', () => {
    const access = anAccessControl({}, wakeSettings());
    const hot = new PacketCache(false, new ManualClock());
    const answers = [{ name: 'www.test', type: 'A', ttl: 60, address: '192.0.2.1' }] as const;
    hot.keep(aQuery('www.test'), { rcode: 0, answers, lease: new FakeLease() });
    const reader = new PacketReader(hot.memory, false);
    const view = new QueryView(hot.memory.seed);
    const admission = access.admissionOf(udpClient);
    const address = Uint8Array.of(198, 51, 100, 1);
    const memory = new Uint8Array(512);
    const keepsAlive = (message: Uint8Array): boolean => {
      memory.set(message);
      admission.begin(address, true);
      assert.ok(view.read(memory, message.length));
      const out = new Uint8Array(LONGEST_CACHED_ANSWER);
      assert.ok(reader.answer(view, memory, message.length, out, admission, 0) > 0);
      return admission.keepsAlive;
    };
    const cookie = cookieOfKind('fresh', access.shared.cookieSecret, address, 0) as Uint8Array;
    assert.equal(keepsAlive(queryWithCookie('www.test', cookie)), true);
    assert.equal(keepsAlive(queryBytes('www.test')), false);
  });
});
