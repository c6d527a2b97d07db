import assert from 'node:assert/strict';
import { reachable, readServerAddress } from '#cli/resolve/server-address.js';
import { UsageError } from '#cli/usage-error.js';

describe('the server of jitsu resolve', () => {
  for (const [text, address, port] of [
    ['127.0.0.1', '127.0.0.1', 53],
    ['127.0.0.1:10053', '127.0.0.1', 10_053],
    ['::1', '::1', 53],
    ['[::1]', '::1', 53],
    ['[::1]:10053', '::1', 10_053],
  ] as const) {
    it(`is understood as ${text}`, () => {
      assert.deepEqual(readServerAddress(text, 53), { address, port });
    });
  }

  for (const text of ['', 'dns.example', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:65536', '[127.0.0.1]:53', '1.2.3']) {
    it(`is refused as '${text}'`, () => {
      assert.throws(() => readServerAddress(text, 53), UsageError);
    });
  }

  it('is asked on loopback when it listens everywhere', () => {
    assert.deepEqual(reachable({ address: '0.0.0.0', port: 1 }), { address: '127.0.0.1', port: 1 });
    assert.deepEqual(reachable({ address: '::', port: 1 }), { address: '::1', port: 1 });
    assert.deepEqual(reachable({ address: '192.0.2.1', port: 1 }), { address: '192.0.2.1', port: 1 });
  });
});
