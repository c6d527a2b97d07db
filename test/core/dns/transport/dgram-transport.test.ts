import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { DgramTransport } from '#core/dns/transport/dgram-transport.js';
import { DnsLog } from '../../../support/dns-log.js';

describe('a UDP listener by dgram', () => {
  const endpoint = { address: '127.0.0.1', port: 0 };

  it('hands over nothing from port 0, where nobody can be answered', async () => {
    let taken = 0;
    const log = new DnsLog();
    const reply = (): Uint8Array => {
      taken += 1;
      return new Uint8Array(12);
    };
    const listener = await DgramTransport.open(endpoint, reply, log);
    const socket = Reflect.get(listener, 'socket') as Socket;
    socket.emit('message', Buffer.alloc(12), { address: '127.0.0.1', port: 0, family: 'IPv4', size: 12 });
    assert.equal(taken, 0);
    await listener.close();
    assert.deepEqual(log.entries, []);
  });

  it('closes when the answers of what it took have left, and takes nothing meanwhile', async () => {
    const answers: ((reply: Uint8Array) => void)[] = [];
    const listener = await DgramTransport.open(
      endpoint,
      () => new Promise((resolve) => answers.push(resolve)),
      new DnsLog(),
    );
    const client = createSocket('udp4');
    try {
      client.bind(0, '127.0.0.1');
      await once(client, 'listening');
      const ask = (): Promise<unknown> =>
        new Promise((resolve) => client.send(Buffer.alloc(12), listener.port, '127.0.0.1', resolve));
      await ask();
      while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
      let closed = false;
      const closing = listener.close().then(() => (closed = true));
      await ask();
      for (let round = 0; round < 20; round++) await new Promise((resolve) => setTimeout(resolve, 1));
      assert.deepEqual([closed, answers.length], [false, 1]);
      const heard = once(client, 'message');
      answers[0]?.(Buffer.from('the answer'));
      const [reply] = (await heard) as [Buffer];
      assert.equal(reply.toString(), 'the answer');
      await closing;
    } finally {
      client.close();
    }
  });
});
