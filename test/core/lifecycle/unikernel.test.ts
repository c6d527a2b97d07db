import assert from 'node:assert/strict';
import { aUnikernel } from '../../support/dns-unikernel.js';

describe('a unikernel', () => {
  it('is unknown and unused at first', () => {
    const { phase, state, lost, starting, since, lastSummoned, totalStarts, macs, addresses } = aUnikernel();
    assert.deepEqual([phase, state, lost, starting], ['down', 'unknown', false, false]);
    assert.deepEqual([since, lastSummoned, totalStarts, macs, addresses], [0, 0, 0, [], ['192.0.2.7']]);
  });

  it('has the addresses of its plan, else those that its backend has found', () => {
    for (const [addresses, findsAddresses, seeks, has] of [
      [['192.0.2.1'], true, false, ['192.0.2.1']],
      [['192.0.2.1'], false, false, ['192.0.2.1']],
      [[], true, true, ['192.0.2.9']],
      [[], false, false, ['192.0.2.9']],
    ] as const) {
      const www = aUnikernel({ addresses, findsAddresses });
      www.foundAddresses = ['192.0.2.9'];
      assert.deepEqual([www.seeksAddresses, www.addresses], [seeks, has]);
    }
    assert.deepEqual(aUnikernel({ addresses: [] }).addresses, []);
  });

  it('was last used by the latest of a query, the begin of its run and the end of its summon', () => {
    const www = aUnikernel({ names: ['a.test', 'b.test'], ttl: 30 });
    const lastAsked = (): readonly number[] => www.activity().names.map((name) => name.lastAsked);
    assert.deepEqual(www.activity(), {
      unikernel: 'www',
      since: 0,
      names: [
        { name: 'a.test', ttl: 30, lastAsked: 0 },
        { name: 'b.test', ttl: 30, lastAsked: 0 },
      ],
    });
    www.since = 5;
    assert.deepEqual([lastAsked(), www.activity().since], [[5, 5], 5]);
    www.lastSummoned = 7;
    assert.deepEqual(lastAsked(), [7, 7]);
    www.counters.get('b.test')!.lastAsked = 9;
    assert.deepEqual(lastAsked(), [7, 9]);
  });

  it('tells whether it is summoned, and whether it fails', () => {
    const www = aUnikernel();
    assert.deepEqual([www.isSummoned, www.failing, www.ready], [false, false, false]);
    www.beginSummon();
    www.failure = { at: 0, code: '', reason: '', count: 1, retryAt: 1 };
    assert.deepEqual([www.isSummoned, www.failing], [true, true]);
  });
});
