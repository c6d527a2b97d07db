import assert from 'node:assert/strict';
import { statusOf } from '#core/lifecycle/unikernel-status.js';
import { aUnikernel } from '../../support/dns-unikernel.js';

describe('the status of a unikernel', () => {
  const plain = {
    ...{ name: 'www', id: 'id-of-www', backend: 'none', addresses: ['192.0.2.7'], ttl: 60_000, stopMode: 'destroy' },
    ...{ state: 'unknown', phase: 'down', macs: [], totalStarts: 0 },
  };

  it('has no more than is known of one that nobody has asked for', () => {
    const www = aUnikernel();
    assert.deepEqual(statusOf(www, {}, 0), { ...plain, names: [{ name: 'www.example.org', requests: 0 }] });
    assert.equal(www.counted, undefined, 'no counters are made for it');
  });

  it('has everything that is known of one that was used', () => {
    const www = aUnikernel({ names: ['a.test', 'b.test'] });
    Object.assign(www.counters.get('a.test')!, { requests: 3, lastAsked: 70 });
    const failure = { at: 1, code: 'JITSU_SUMMON_DIED', reason: 'crashed', count: 2, retryAt: 9 };
    const known = { domainId: 5, startedAt: 60, totalStarts: 4, macs: ['00:16:3e:00:00:01'], failure };
    Object.assign(www, { ...known, state: 'running', phase: 'withdrawn' });
    assert.deepEqual(statusOf(www, { stopAt: 80 }, 0), {
      ...{ ...plain, ...known, state: 'running', phase: 'running', stopAt: 80 },
      names: [
        { name: 'a.test', requests: 3, lastAsked: 70 },
        { name: 'b.test', requests: 0 },
      ],
    });
  });

  it('has times of the wall clock', () => {
    const www = aUnikernel();
    Object.assign(www.counters.get('www.example.org')!, { requests: 3, lastAsked: 70 });
    const failure = { at: 1, code: 'JITSU_SUMMON_DIED', reason: 'crashed', count: 2, retryAt: 9 };
    Object.assign(www, { startedAt: 60, failure });
    const { startedAt, stopAt, names, failure: told } = statusOf(www, { stopAt: 80 }, 1_000);
    assert.deepEqual(
      [startedAt, stopAt, names[0]?.lastAsked, told?.at, told?.retryAt],
      [1_060, 1_080, 1_070, 1_001, 1_009],
    );
    assert.equal(statusOf(www, { stopAt: Infinity }, 1_000).stopAt, Infinity);
  });

  it('has no time of a stop that is under way', () => {
    const www = Object.assign(aUnikernel(), { state: 'running', phase: 'stopping' });
    const { phase, stopAt } = statusOf(www, { stopAt: 80 }, 0);
    assert.deepEqual([phase, stopAt], ['stopping', undefined]);
  });
});
