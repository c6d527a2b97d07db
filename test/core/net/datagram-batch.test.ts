import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { DatagramBatch, ENVELOPE_WORDS, sendBatch } from '#core/net/datagram-batch.js';
import { DatagramSocket } from '#core/dns/transport/mmsg/datagram-socket.js';
import { Linux } from '#core/net/linux.js';
import { socketAddress } from '#core/net/socket-address.js';
import { loadSocketCalls, type SocketCalls } from '#core/net/socket-calls.js';
import { requireMmsg } from '../../support/udp-transports.js';

describe('a batch of replies', () => {
  let calls: SocketCalls;

  before(async function () {
    requireMmsg(this);
    calls = await loadSocketCalls();
  });

  it('is sent but for those that cannot be, of which is said how many they are, and why', async () => {
    const [socket] = DatagramSocket.open(calls, { address: '127.0.0.1', port: 0 }, 1) as [DatagramSocket];
    const client = createSocket('udp4').bind(0, '127.0.0.1');
    try {
      await once(client, 'listening');
      const got: number[] = [];
      client.on('message', (message) => got.push(message[0] as number));
      const batch = new DatagramBatch(calls.addressOf, socket.kind, 512);
      const { port } = client.address();
      const ports = [0, port, port, 0, 0, port, 0];
      for (const [index, to] of ports.entries()) {
        const envelope = new Uint32Array(ENVELOPE_WORDS);
        new Uint8Array(envelope.buffer).set(socketAddress({ address: '127.0.0.1', port: to }, calls), 4);
        (batch.payloads[index] as Uint8Array)[0] = index;
        batch.replyTo(index, 1, envelope);
      }
      const unsent = sendBatch(calls, socket.descriptor, batch, ports.length, Linux.MSG_DONTWAIT);
      assert.deepEqual(unsent, { count: 4, code: 'EINVAL' });
      while (got.length < 3) await once(client, 'message');
      assert.deepEqual(got, [1, 2, 5]);
    } finally {
      client.close();
      socket.close();
    }
  });

  it('takes no reply that is longer than its room', () => {
    const batch = new DatagramBatch(calls.addressOf, { family: 4, tellsDestination: false }, 512);
    assert.throws(() => batch.replyTo(0, 513, new Uint32Array(ENVELOPE_WORDS)), RangeError);
  });
});
