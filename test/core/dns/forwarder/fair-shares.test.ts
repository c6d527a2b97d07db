import assert from 'node:assert/strict';
import type { DnsClient } from '#core/contracts/resolver.js';
import { FairShares, type Asker } from '#core/dns/forwarder/fair-shares.js';

describe('fair shares', () => {
  const client = (address: string): DnsClient => ({ address, port: 1, transport: 'udp' });
  /** Which of these holders has to yield to a newcomer, where they hold all places. */
  const yielding = (holders: Readonly<Record<string, number>>, newcomer: string): string[] => {
    const shares = new FairShares();
    const askers: [string, Asker][] = Object.keys(holders).map((address) => [address, shares.askerOf(client(address))]);
    for (const [address, asker] of askers) {
      for (let count = holders[address] ?? 0; count > 0; count--) shares.take(asker);
    }
    const yields = shares.whoYields(shares.askerOf(client(newcomer)));
    return askers.filter(([, asker]) => yields?.(asker) === true).map(([address]) => address);
  };

  it('take from a network that holds more than an equal share, for one that holds less', () => {
    assert.deepEqual(yielding({ '192.0.2.1': 10 }, '198.51.100.1'), ['192.0.2.1']);
    assert.deepEqual(yielding({ '192.0.2.1': 6, '198.51.100.1': 4 }, '198.51.100.2'), ['192.0.2.1']);
    assert.deepEqual(yielding({ '192.0.2.1': 3, '192.0.2.2': 3, '198.51.100.1': 4 }, '203.0.113.1'), [
      ...['192.0.2.1', '192.0.2.2', '198.51.100.1'],
    ]);
  });

  it('take nothing where that would only turn the tables', () => {
    assert.deepEqual(yielding({ '192.0.2.1': 5, '198.51.100.1': 5 }, '198.51.100.1'), []);
    assert.deepEqual(yielding({ '192.0.2.1': 1 }, '198.51.100.1'), []);
    assert.deepEqual(yielding({ '192.0.2.1': 10 }, '192.0.2.1'), []);
    assert.deepEqual(yielding({ '192.0.2.1': 2, '192.0.2.2': 1 }, '192.0.2.2'), []);
  });

  it('are fair within a network, too', () => {
    assert.deepEqual(yielding({ '192.0.2.1': 9, '192.0.2.2': 1 }, '192.0.2.2'), ['192.0.2.1']);
    assert.deepEqual(yielding({ '192.0.2.1': 2, '192.0.2.2': 0 }, '192.0.2.2'), ['192.0.2.1']);
    assert.deepEqual(yielding({ '2001:db8::1': 9 }, '2001:db8:0:1::1'), ['2001:db8::1']);
    assert.deepEqual(yielding({ '2001:db8::1': 9 }, '2001:db8::2'), [], 'a /64 is one client');
  });

  it('leave nothing behind', () => {
    const shares = new FairShares();
    const ours = shares.askerOf({ address: '', port: 0, transport: 'inject' });
    const askers = [...['192.0.2.1', '192.0.2.2', '2001:db8::1'].map((one) => shares.askerOf(client(one))), ours];
    for (const asker of askers) shares.take(asker);
    for (const asker of askers) shares.giveBack(asker);
    assert.deepEqual(
      ['held', 'networks', 'places'].map((field) => Reflect.get(shares, field) as unknown),
      [new Map(), 0, 0],
    );
  });
});
