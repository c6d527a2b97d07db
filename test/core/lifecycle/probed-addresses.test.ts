import assert from 'node:assert/strict';
import type { RelayedPort } from '#core/config/relay.js';
import { probedAddresses } from '#core/lifecycle/probed-addresses.js';

describe('where a probe asks', () => {
  const own = ['192.0.2.1', '2001:db8::1'];
  const relay = (port: number, address: string): RelayedPort => ({
    protocol: 'tcp',
    listen: { address: '192.0.2.1', port: port - 1 },
    to: { address, port },
    proxyProtocol: false,
  });

  it('is at all addresses of a unikernel', () => {
    for (const relays of [undefined, []]) assert.equal(probedAddresses(own, relays, 80), own);
  });

  it('is where the relay of its port goes to', () => {
    const relays = [relay(80, '127.0.0.1'), relay(81, '127.0.0.2'), relay(80, '127.0.0.1')];
    assert.deepEqual(probedAddresses(own, relays, 80), ['127.0.0.1']);
    assert.deepEqual(probedAddresses(own, relays, 81), ['127.0.0.2']);
  });

  it('is where all relays go to for another port, and for a probe that says none', () => {
    const relays = [relay(80, '127.0.0.1'), relay(81, '127.0.0.2')];
    for (const port of [7, undefined]) assert.deepEqual(probedAddresses(own, relays, port), ['127.0.0.1', '127.0.0.2']);
  });
});
