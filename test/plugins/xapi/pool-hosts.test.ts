import assert from 'node:assert/strict';
import { PoolHosts } from '#xapi/pool-hosts.js';

const attempts = (hosts: PoolHosts, count: number): string[] =>
  Array.from({ length: count }, (_, attempt) => hosts.forAttempt(attempt));

describe('the hosts of a pool', () => {
  it('are the one that was named, as long as no other is known', () => {
    assert.deepEqual(attempts(new PoolHosts('https://xcp.example'), 2), ['https://xcp.example', 'https://xcp.example']);
  });

  it('are asked in turn, the one that was named first, each at the same port and by the same protocol', () => {
    const hosts = new PoolHosts('http://192.0.2.1:8080');
    hosts.learn(['192.0.2.2', '192.0.2.1', '', '2001:db8::3', '192.0.2.2']);
    assert.deepEqual(attempts(hosts, 4), [
      'http://192.0.2.1:8080',
      'http://192.0.2.2:8080',
      'http://[2001:db8::3]:8080',
      'http://192.0.2.1:8080',
    ]);
  });

  it('are those that the pool had last', () => {
    const hosts = new PoolHosts('https://xcp.example');
    hosts.learn(['192.0.2.2']);
    hosts.learn(['192.0.2.3']);
    assert.deepEqual(attempts(hosts, 2), ['https://xcp.example', 'https://192.0.2.3']);
  });
});
