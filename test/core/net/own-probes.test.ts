import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { isOwnProbe, rememberProbe } from '#core/net/own-probes.js';

describe('the ends of own probes', () => {
  const from = (localAddress: string, localPort: number): Socket => ({ localAddress, localPort }) as Socket;

  it('are known by address and port', () => {
    rememberProbe(from('127.0.0.1', 1));
    assert.equal(isOwnProbe('127.0.0.1', 1), true);
    assert.equal(isOwnProbe('127.0.0.1', 2), false);
    assert.equal(isOwnProbe('127.0.0.2', 1), false);
  });

  it('are so many at most, the latest', () => {
    for (let port = 1; port <= 16_385; port += 1) rememberProbe(from('127.0.0.3', port));
    assert.equal(isOwnProbe('127.0.0.3', 1), false);
    assert.equal(isOwnProbe('127.0.0.3', 2), true);
    rememberProbe(from('127.0.0.3', 2));
    rememberProbe(from('127.0.0.3', 1));
    assert.equal(isOwnProbe('127.0.0.3', 2), true, 'it has connected again');
  });
});
