import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { udpSockets } from '#core/dns/forwarder/mmsg-socket.js';
import type { UdpSocket, UdpSockets } from '#core/dns/forwarder/udp-socket.js';
import { cannotRun } from '../../../support/cannot-run.js';
import { openFiles } from '../../../support/open-files.js';
import { describeOverUdp } from '../../../support/udp-transports.js';

describeOverUdp('a UDP socket to an upstream', (transport) => {
  let sockets: UdpSockets;
  let upstream: Socket;
  let endpoint: AddressInfo;
  let arrived: { readonly text: string; readonly from: RemoteInfo }[];
  const opened: UdpSocket[] = [];

  beforeEach(async () => {
    sockets = await udpSockets(transport);
    upstream = createSocket('udp4').bind(0, '127.0.0.1');
    await once(upstream, 'listening');
    endpoint = upstream.address();
    arrived = [];
    upstream.on('message', (message, from) => arrived.push({ text: message.toString(), from }));
  });

  afterEach(async () => {
    for (const socket of opened.splice(0)) {
      try {
        socket.close();
      } catch {
        // The test has closed it.
      }
    }
    await new Promise<void>((resolve) => upstream.close(() => resolve()));
  });

  const open = (to: { readonly address: string; readonly port: number } = endpoint) => {
    const heard: string[] = [];
    const errors: [string, boolean][] = [];
    const events = { onMessage: (_text: string): void => {}, onError: (_fatal: boolean): void => {} };
    const socket = sockets.open(to, {
      onMessage: (message) => {
        heard.push(Buffer.from(message).toString());
        events.onMessage(heard.at(-1) as string);
      },
      onError: (error, fatal) => {
        errors.push([error.message, fatal]);
        events.onError(fatal);
      },
    });
    opened.push(socket);
    return { socket, heard, errors, events, send: (text: string) => socket.send(Buffer.from(text)) };
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };
  const rounds = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  const reply = async (texts: readonly string[], to: RemoteInfo): Promise<void> => {
    await Promise.all(
      texts.map(async (text) => new Promise((resolve) => upstream.send(text, to.port, to.address, resolve))),
    );
  };
  const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

  it('sends all that it is given in one round of the event loop, in order', async () => {
    const { send } = open();
    for (const text of numbers(150)) send(text);
    await until(() => arrived.length === 150);
    assert.deepEqual(
      arrived.map(({ text }) => text),
      numbers(150),
    );
    for (const text of ['again', 'and again']) {
      send(text);
      await until(() => arrived.at(-1)?.text === text);
    }
    assert.equal(arrived.length, 152, 'nothing is sent twice');
  });

  it('sends each by its own port where several are used in one round', async () => {
    const [one, other] = [open(), open()];
    for (const text of numbers(20)) (Number(text) % 3 === 0 ? one : other).send(text);
    await until(() => arrived.length === 20);
    const ports = arrived.map(({ text, from }) => `${Number(text) % 3 === 0} ${from.port}`);
    assert.equal(new Set(ports).size, 2);
    assert.equal(new Set(arrived.map(({ from }) => from.port)).size, 2);
  });

  it('hears all that arrives, each in memory of its own', async () => {
    const { send, heard } = open();
    send('hello');
    await until(() => arrived.length === 1);
    const { from } = arrived[0] as (typeof arrived)[0];
    // More than one batch and, by mmsg, several of them, while this process looks elsewhere.
    await reply(numbers(100), from);
    await until(() => heard.length === 100);
    assert.deepEqual(heard, numbers(100));
    const long = 'x'.repeat(9_000);
    await reply([long, '', 'short'], from);
    await until(() => heard.length === 103);
    assert.deepEqual(heard.slice(100), [long, '', 'short']);
  });

  it('hears nobody but the upstream', async () => {
    const { send, heard } = open();
    send('hello');
    await until(() => arrived.length === 1);
    const { from } = arrived[0] as (typeof arrived)[0];
    const stranger = createSocket('udp4');
    await new Promise((resolve) => stranger.send('lie', from.port, from.address, resolve));
    await new Promise<void>((resolve) => stranger.close(() => resolve()));
    await reply(['truth'], from);
    await until(() => heard.length > 0);
    assert.deepEqual(heard, ['truth']);
  });

  it('hears nothing more once it is closed, be it while it hears', async () => {
    const { send, heard, events, socket } = open();
    send('hello');
    await until(() => arrived.length === 1);
    events.onMessage = (text) => {
      if (text === '2') socket.close();
    };
    await reply(numbers(50), (arrived[0] as (typeof arrived)[0]).from);
    await until(() => heard.includes('2'));
    await rounds(5);
    assert.deepEqual(heard, ['0', '1', '2']);
  });

  it('tells that nobody listens there, and goes on', async () => {
    const { address, port } = endpoint;
    const { send, errors, events } = open();
    send('hello');
    await until(() => arrived.length === 1);
    await new Promise<void>((resolve) => upstream.close(() => resolve()));
    let sending = false;
    events.onError = () => assert.equal(sending, false, 'not while it sends');
    for (let count = 0; count < 5 && errors.length === 0; count++) {
      sending = true;
      send('anybody?');
      sending = false;
      await rounds(20);
    }
    assert.match(errors[0]?.[0] ?? '', /ECONNREFUSED/);
    assert.equal(errors[0]?.[1], false);
    upstream = createSocket('udp4').bind(port, address);
    await once(upstream, 'listening');
    arrived = [];
    upstream.on('message', (message, from) => arrived.push({ text: message.toString(), from }));
    send('you?');
    await until(() => arrived.length > 0);
  });

  if (transport === 'dgram') {
    it('tells of what cannot be sent', async () => {
      const { send, errors } = open();
      send('hello');
      await until(() => arrived.length === 1);
      send('x'.repeat(70_000));
      await until(() => errors.length > 0);
      assert.match(errors[0]?.[0] ?? '', /EMSGSIZE/);
      assert.equal(errors[0]?.[1], false);
    });
  }

  it('tells that it can never be used, later', async () => {
    // No socket is connected to a link-local address without its interface.
    const { errors, send, socket } = open({ address: 'fe80::1', port: 53 });
    assert.deepEqual(errors, []);
    send('hello');
    await until(() => errors.length > 0);
    assert.equal(errors[0]?.[1], true);
    socket.close();
    const closed = open({ address: 'fe80::1', port: 53 });
    closed.socket.close();
    await rounds(20);
    assert.deepEqual(closed.errors, []);
  });

  it('leaves no file open', async function () {
    if (process.platform !== 'linux') cannotRun(this, 'open files are counted in /proc');
    const before = openFiles();
    for (let count = 0; count < 20; count++) {
      const { socket, send } = open();
      send('hello');
      await rounds(3);
      socket.close();
      const unusable = open({ address: 'fe80::1', port: 53 });
      await until(() => unusable.errors.length > 0);
      unusable.socket.close();
    }
    await rounds(20);
    assert.ok(openFiles() <= before + 2, `${openFiles()} after ${before}`);
  });

  it('sends what it was given before it was closed, if it had been connected, and nothing after', async () => {
    const { send, socket } = open();
    send('first');
    await until(() => arrived.length === 1);
    send('last');
    socket.close();
    if (transport === 'mmsg') send('too late');
    await rounds(20);
    assert.deepEqual(
      arrived.map(({ text }) => text).filter((text) => text !== 'last'),
      ['first'],
    );
    if (transport === 'mmsg') assert.equal(arrived.length, 2);
    const other = open();
    other.send('in vain');
    other.socket.close();
    await rounds(20);
  });
});
