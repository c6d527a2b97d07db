import assert from 'node:assert/strict';
import { senderOf, socketAddress } from '#core/net/socket-address.js';
import { loadSocketCalls, type SocketCalls } from '#core/net/socket-calls.js';
import { requireMmsg } from '../../support/udp-transports.js';

describe("an address as Linux's sockets have it", () => {
  let calls: SocketCalls;

  before(async function () {
    requireMmsg(this);
    calls = await loadSocketCalls();
  });

  it('is read as it was written, and as Node writes addresses', () => {
    const addresses = [
      '127.0.0.1',
      '0.0.0.0',
      '255.255.255.255',
      '::1',
      '::',
      '2001:db8::7',
      '2001:db8:0:1::',
      '1:0:0:2::3',
    ];
    for (const address of [...addresses, 'fe80::1%lo', 'fe80::aa:1%4711']) {
      const envelope = new Uint32Array(8);
      new Uint8Array(envelope.buffer).set(socketAddress({ address, port: 54_321 }, calls), 4);
      assert.deepEqual(senderOf(envelope, calls), { address, port: 54_321 });
    }
  });
});
