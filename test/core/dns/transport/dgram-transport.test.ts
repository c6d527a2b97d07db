import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Refusals } from '#core/dns/admission/refusals.js';
import { DgramTransport } from '#core/dns/transport/dgram-transport.js';
import type { MessageHandler } from '#core/dns/transport/udp-transport.js';
import { ManualClock } from '#core/testing/manual-clock.js';
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

  it('hands over nothing from ports whose services answer whatever they get, and counts it', async () => {
    const taken: number[] = [];
    const handler: MessageHandler = (_message, { port }) => {
      taken.push(port);
      return undefined;
    };
    const clock = new ManualClock();
    const log = new DnsLog();
    const refusals = new Refusals({ clock, logger: log });
    const listener = await DgramTransport.open(endpoint, handler, log, refusals);
    const socket = Reflect.get(listener, 'socket') as Socket;
    for (let port = 0; port <= 53; port++) {
      socket.emit('message', Buffer.alloc(12), { address: '127.0.0.1', port, family: 'IPv4', size: 12 });
    }
    await listener.close();
    const missing = Array.from({ length: 54 }, (_, port) => port).filter((port) => !taken.includes(port));
    assert.deepEqual(missing, [0, 7, 13, 17, 19, 37]);
    assert.equal(refusals.counts.port, 5);
  });

  it('closes when the answers of what it took have left, and does not wait for what it takes meanwhile', async () => {
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
      assert.deepEqual([closed, answers.length], [false, 2]);
      const heard = once(client, 'message');
      answers[0]?.(Buffer.from('the answer'));
      const [reply] = (await heard) as [Buffer];
      assert.equal(reply.toString(), 'the answer');
      await closing;
    } finally {
      client.close();
    }
  });

  it('answers what has come since it last looked at its socket, and closes then', async () => {
    const listener = await DgramTransport.open(endpoint, (query) => Uint8Array.from(query), new DnsLog());
    const client = createSocket('udp4');
    try {
      client.connect(listener.port, '127.0.0.1');
      await once(client, 'connect');
      const replies: string[] = [];
      const closed = new Promise<void>((resolve, reject) => {
        client.on('message', (reply) => {
          if (replies.push(reply.toString()) > 1) return;
          // The turn of the event loop that has brought this reply does not look at the listener any more.
          client.send('the second query');
          listener.close().then(resolve, reject);
        });
      });
      client.send('the first query');
      await closed;
      for (let round = 0; round < 20 && replies.length < 2; round++)
        await new Promise((resolve) => setTimeout(resolve, 1));
      assert.deepEqual(replies, ['the first query', 'the second query']);
    } finally {
      client.close();
    }
  });

  it('closes at once where nothing waits, also when some had no answer', async () => {
    const listener = await DgramTransport.open(endpoint, () => undefined, new DnsLog());
    const socket = Reflect.get(listener, 'socket') as Socket;
    const remote = { address: '127.0.0.1', port: 9, family: 'IPv4', size: 12 };
    for (let count = 0; count < 3; count++) socket.emit('message', Buffer.alloc(12), remote);
    let isGone = false;
    socket.once('close', () => (isGone = true));
    await listener.close();
    assert.equal(isGone, true);
  });

  it('logs a reply that cannot be sent, and counts it as answered', async () => {
    const log = new DnsLog();
    const listener = await DgramTransport.open(endpoint, () => Buffer.alloc(70_000), log);
    const socket = Reflect.get(listener, 'socket') as Socket;
    socket.emit('message', Buffer.alloc(12), { address: '127.0.0.1', port: 9, family: 'IPv4', size: 12 });
    await listener.close();
    assert.deepEqual(log.at('debug'), ['a reply could not be sent']);
  });

  it('logs nothing where a reply was sent', async () => {
    const log = new DnsLog();
    const listener = await DgramTransport.open(endpoint, () => Buffer.alloc(12), log);
    const socket = Reflect.get(listener, 'socket') as Socket;
    socket.emit('message', Buffer.alloc(12), { address: '127.0.0.1', port: 9, family: 'IPv4', size: 12 });
    await listener.close();
    assert.deepEqual(log.entries, []);
  });

  it('waits for the last of several answers when it is closed', async () => {
    const answers: ((reply: undefined) => void)[] = [];
    const handler = (): Promise<undefined> => new Promise((resolve) => answers.push(resolve));
    const listener = await DgramTransport.open(endpoint, handler, new DnsLog());
    const socket = Reflect.get(listener, 'socket') as Socket;
    for (let count = 0; count < 2; count++) {
      socket.emit('message', Buffer.alloc(12), { address: '127.0.0.1', port: 9, family: 'IPv4', size: 12 });
    }
    let isClosed = false;
    const closing = listener.close().then(() => (isClosed = true));
    answers[0]?.(undefined);
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isClosed, false);
    answers[1]?.(undefined);
    await closing;
  });

  it('says where it cannot listen and keeps no socket, and logs what goes wrong later', async () => {
    const log = new DnsLog();
    const listener = await DgramTransport.open(endpoint, () => undefined, log);
    const taken = { ...endpoint, port: listener.port };
    await assert.rejects(
      DgramTransport.open(taken, () => undefined, log),
      {
        code: 'JITSU_LISTEN_FAILED',
        message: /UDP 127\.0\.0\.1:\d+: something else is listening/,
      },
    );
    (Reflect.get(listener, 'socket') as Socket).emit('error', new Error('a defect'));
    assert.deepEqual(log.at('warn'), ['a UDP socket reports an error']);
    await listener.close();
  });

  it('of all addresses of IPv6 takes nothing over IPv4', async () => {
    const log = new DnsLog();
    const every = await DgramTransport.open({ address: '::', port: 0 }, () => undefined, log);
    const other = await DgramTransport.open({ address: '0.0.0.0', port: every.port }, () => undefined, log);
    for (const listener of [every, other]) await listener.close();
  });
});
