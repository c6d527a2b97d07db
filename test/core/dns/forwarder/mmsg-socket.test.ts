import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MmsgSockets } from '#core/dns/forwarder/mmsg-socket.js';
import { loadSocketCalls, type SocketCalls } from '#core/net/socket-calls.js';
import { requireMmsg } from '../../../support/udp-transports.js';

describe('sockets to upstreams by mmsg', () => {
  let calls: SocketCalls;
  /** What the next calls fail by; those after them succeed. */
  let sendFailures: string[];
  let receiveFailures: string[];
  let sent: number[];
  let received: number[];
  let scripted: SocketCalls;
  let sockets: MmsgSockets;
  let upstream: Socket;
  let from: RemoteInfo | undefined;
  let arrived: string[];

  before(async function () {
    requireMmsg(this);
    calls = await loadSocketCalls();
  });

  beforeEach(async () => {
    [sendFailures, receiveFailures, sent, received] = [[], [], [], []];
    let failure: string | undefined;
    const orFail = (failures: string[], counts: number[], call: () => number): number => {
      failure = failures.shift();
      const result = failure === undefined ? call() : -1;
      counts.push(result);
      return result;
    };
    scripted = {
      ...calls,
      sendmmsg: (...parameters) => orFail(sendFailures, sent, () => calls.sendmmsg(...parameters)),
      recvmmsg: (...parameters) => orFail(receiveFailures, received, () => calls.recvmmsg(...parameters)),
      errorCode: () => failure ?? calls.errorCode(),
    };
    sockets = new MmsgSockets(scripted);
    upstream = createSocket('udp4').bind(0, '127.0.0.1');
    await once(upstream, 'listening');
    [from, arrived] = [undefined, []];
    upstream.on('message', (message, sender) => {
      arrived.push(message.toString());
      from = sender;
    });
  });

  afterEach(async () => {
    await new Promise<void>((resolve) => upstream.close(() => resolve()));
  });

  const open = (onHeard: (text: string) => void = () => {}) => {
    const heard: string[] = [];
    const errors: string[] = [];
    const socket = sockets.open(upstream.address() as AddressInfo, {
      onMessage: (message) => {
        const text = Buffer.from(message).toString();
        heard.push(text);
        onHeard(text);
      },
      onError: (error) => errors.push(error.message),
    });
    return {
      heard,
      errors,
      socket,
      send: (text: string) => socket.send(Buffer.from(text)),
      [Symbol.dispose]: () => socket.close(),
    };
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };
  const rounds = async (): Promise<void> => {
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  /** Everything has arrived at the socket before this process looks there. */
  const reply = async (...texts: string[]): Promise<void> => {
    const { port, address } = from as RemoteInfo;
    for (const text of texts) upstream.send(text, port, address);
    await until(() => upstream.getSendQueueCount() === 0);
  };
  const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

  it('send by one call what leaves by one of them in one round, and count the rounds', async () => {
    using one = open();
    const { batch } = sockets;
    for (const text of ['a', 'b', 'c']) one.send(text);
    assert.deepEqual([sent, sockets.batch], [[], batch]);
    await until(() => arrived.length === 3);
    assert.deepEqual([sent, sockets.batch], [[3], batch + 1]);
    using other = open();
    one.send('d');
    one.send('e');
    other.send('f');
    await until(() => arrived.length === 6);
    assert.deepEqual([sent, sockets.batch], [[3, 2, 1], batch + 2]);
  });

  it('lose what there is no room for, and tell of other errors, later', async () => {
    using one = open();
    sendFailures = ['EAGAIN'];
    one.send('lost');
    await rounds();
    assert.deepEqual([sent, one.errors], [[-1], []]);
    sendFailures = ['ENETUNREACH'];
    one.send('lost, too');
    await Promise.resolve();
    assert.deepEqual([sent.length, one.errors.length], [2, 0]);
    await until(() => one.errors.length > 0);
    assert.match(one.errors.join(), /^send ENETUNREACH/);
    one.send('arrives');
    await until(() => arrived.length > 0);
    assert.deepEqual(arrived, ['arrives']);
  });

  it('tell nothing to one that has been closed meanwhile', async () => {
    const one = open();
    sendFailures = ['ENETUNREACH'];
    one.send('lost');
    one.socket.close();
    one.socket.close();
    one.send('too late');
    await rounds();
    assert.deepEqual([sent, one.errors], [[-1], []]);
  });

  it('read on when a signal has interrupted the call, and stop quietly where there is nothing more', async () => {
    using one = open();
    one.send('hello');
    await until(() => arrived.length === 1);
    receiveFailures = ['EINTR'];
    await reply('0', '1', '2');
    await until(() => one.heard.length === 3);
    receiveFailures = ['EAGAIN'];
    await reply('3');
    await until(() => one.heard.length === 4);
    await rounds();
    assert.deepEqual(one.errors, []);
    receiveFailures = ['ENOMEM'];
    await reply('4');
    await until(() => one.errors.length > 0);
    assert.match(one.errors.join(), /^recvmmsg ENOMEM/);
  });

  it('read four batches at most before others get their turn, and no further call once one is not full', async () => {
    using one = open();
    one.send('hello');
    await until(() => arrived.length === 1);
    let count = 0;
    let isEndless = true;
    scripted.recvmmsg = (...parameters) => {
      count += 1;
      return isEndless ? 64 : calls.recvmmsg(...parameters);
    };
    await reply('0');
    await until(() => one.heard.length > 0);
    assert.equal(count, 4);
    assert.equal(one.heard.length, 1 + 4 * 64);
    [isEndless, count] = [false, 0];
    await reply('1', '2');
    await until(() => one.heard.at(-1) === '2');
    assert.equal(count, 1);
  });

  it('read nothing more of one that is closed by the first that it hears', async () => {
    const one = open(() => one.socket.close());
    one.send('hello');
    await until(() => arrived.length === 1);
    await reply(...numbers(3));
    await until(() => one.heard.length > 0);
    await rounds();
    assert.deepEqual([one.heard, received], [['0'], []]);
  });
});
