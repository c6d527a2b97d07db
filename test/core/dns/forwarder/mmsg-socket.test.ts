import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MmsgSockets, udpSockets } from '#core/dns/forwarder/mmsg-socket.js';
import { dgramSockets } from '#core/dns/forwarder/udp-socket.js';
import { loadSocketCalls, NativeSocketsUnavailable, type SocketCalls } from '#core/net/socket-calls.js';
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
      onError: (error, fatal) => errors.push(`${error.message}${fatal ? ', fatal' : ''}`),
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
    assert.match(one.errors.join(), /^send ENETUNREACH$/);
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
    assert.match(one.errors.join(), /^recvmmsg ENOMEM$/);
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

  it('send 64 by one call at most, before the round is over', async () => {
    using one = open();
    for (const text of numbers(65)) one.send(text);
    assert.deepEqual(sent, [64]);
    await until(() => arrived.length === 65);
    assert.deepEqual(sent, [64, 1]);
    assert.deepEqual(arrived, numbers(65));
  });

  it('take no query that is longer than any can be', () => {
    using one = open();
    one.socket.send(new Uint8Array(512));
    assert.throws(() => one.socket.send(new Uint8Array(513)), RangeError);
  });

  it('that cannot be opened say so later, unless they are closed by then, and leave no file', async () => {
    const closed: number[] = [];
    scripted.close = (descriptor) => {
      closed.push(descriptor);
      return calls.close(descriptor);
    };
    const errorsOf = async (isClosed: boolean): Promise<unknown[]> => {
      const errors: unknown[] = [];
      const socket = sockets.open(upstream.address() as AddressInfo, {
        onMessage: () => assert.fail('heard'),
        onError: ({ message }, fatal) => errors.push(message, fatal),
      });
      socket.send(Buffer.from('nobody'));
      assert.deepEqual(errors, []);
      if (isClosed) socket.close();
      await rounds();
      return errors;
    };
    scripted.errorCode = () => 'EMFILE';
    scripted.socket = () => -1;
    assert.deepEqual([await errorsOf(false), await errorsOf(true)], [['socket EMFILE', true], []]);
    let opened = 0;
    scripted.socket = (...parameters) => (opened = calls.socket(...parameters));
    scripted.connect = () => -1;
    scripted.errorCode = () => 'ENETUNREACH';
    assert.deepEqual(await errorsOf(false), ['connect ENETUNREACH', true]);
    assert.deepEqual(closed, [opened]);
    scripted.socket = () => 0;
    scripted.connect = () => assert.fail('descriptor 0 is as good as any') as never;
    assert.throws(() => sockets.open(upstream.address() as AddressInfo, {} as never), /as good as any/);
  });

  it('speak to an upstream of IPv6 by a socket of IPv6, without waiting for it', () => {
    const made: number[][] = [];
    scripted.socket = (...parameters) => {
      made.push(parameters);
      return -1;
    };
    // No call of the system has failed, so there is no code of an error to read.
    scripted.errorCode = () => 'EMFILE';
    for (const address of ['::1', '127.0.0.1']) {
      sockets.open({ address, port: 53 }, { onMessage: () => {}, onError: () => {} }).close();
    }
    const type = 0o2004002;
    assert.deepEqual(made, [
      [10, type, 0],
      [2, type, 0],
    ]);
  });

  it('read without waiting, as much as one call can bring', async () => {
    const asked: unknown[][] = [];
    using one = open();
    one.send('hello');
    await until(() => arrived.length === 1);
    scripted.recvmmsg = (...parameters) => {
      asked.push(parameters.slice(2));
      return calls.recvmmsg(...parameters);
    };
    await reply('0', '1');
    await until(() => one.heard.length === 2);
    assert.deepEqual(asked, [[64, 0x40, null]]);
  });

  it('keep what was read after the call that read it', async () => {
    const kept: Uint8Array[] = [];
    const socket = sockets.open(upstream.address() as AddressInfo, {
      onMessage: (message) => kept.push(message),
      onError: () => {},
    });
    socket.send(Buffer.from('hello'));
    await until(() => arrived.length === 1);
    await reply('0', '1', '2');
    await until(() => kept.length === 3);
    await reply('x', 'y', 'z');
    await until(() => kept.length === 6);
    assert.deepEqual(
      kept.map((message) => Buffer.from(message).toString()),
      ['0', '1', '2', 'x', 'y', 'z'],
    );
    socket.close();
  });
});

describe('the sockets to upstreams', () => {
  const failingBy = (error: Error) => async (): Promise<SocketCalls> => Promise.reject(error);

  it('are those of Node where that is wanted, or where this machine has no others', async () => {
    const unavailable = failingBy(new NativeSocketsUnavailable('koffi cannot be loaded'));
    assert.equal(await udpSockets('dgram', failingBy(new Error('loaded'))), dgramSockets);
    assert.equal(await udpSockets('auto', unavailable), dgramSockets);
    assert.equal(await udpSockets('mmsg', unavailable), dgramSockets);
    await assert.rejects(udpSockets('auto', failingBy(new Error('a defect'))), /a defect/);
  });
});
