import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import type { DnsClient } from '#core/contracts/resolver.js';
import { DescriptorBudget } from '#core/net/descriptor-budget.js';
import { TcpConnections } from '#core/dns/transport/tcp-connections.js';
import { TcpListener } from '#core/dns/transport/tcp-listener.js';
import type { MessageHandler } from '#core/dns/transport/udp-transport.js';
import { frame } from '#core/dns/wire/frame-reader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAccessControl } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';

const query = frame(new Uint8Array(20));
const here = { address: '127.0.0.1', port: 0 };

describe('a TCP listener', () => {
  const open: (Socket | TcpListener)[] = [];
  let log: DnsLog;
  let connections: TcpConnections;

  beforeEach(() => (log = new DnsLog()));

  afterEach(async () => {
    for (const connection of connections['open'].keys()) connection.destroy();
    for (const one of open.splice(0).reverse()) {
      if (one instanceof TcpListener) await one.close();
      else one.destroy();
    }
  });

  const listen = async (handler: MessageHandler, most = 10, endpoint = here): Promise<TcpListener> => {
    const clock = new ManualClock();
    const limits = { tcpConnections: most, tcpConnectionsPerClient: most };
    connections = new TcpConnections(limits, anAccessControl(), new DescriptorBudget(clock));
    const context = { connections, idle: 10_000, clock, logger: log };
    const listener = await TcpListener.open(endpoint, handler, context);
    open.push(listener);
    return listener;
  };
  const client = async ({ port }: TcpListener): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.on('error', () => {});
    open.push(socket);
    await once(socket, 'connect');
    return socket;
  };

  it('hands over each message with its client, and sends the answer back', async () => {
    const clients: DnsClient[] = [];
    const listener = await listen((message, from) => {
      clients.push(from);
      return message;
    });
    const socket = await client(listener);
    socket.write(query);
    const [reply] = (await once(socket, 'data')) as [Buffer];
    assert.deepEqual(reply, query);
    const { address, port } = socket.address() as AddressInfo;
    assert.deepEqual(clients, [{ address, port, transport: 'tcp' }]);
  });

  it('answers a client that says that it asks no more', async () => {
    const listener = await listen(async (message) => new Promise((resolve) => setTimeout(() => resolve(message), 20)));
    const socket = await client(listener);
    socket.end(query);
    const [reply] = (await once(socket, 'data')) as [Buffer];
    assert.deepEqual(reply, query);
  });

  it('closes at once what there is no room for', async () => {
    const listener = await listen(() => new Promise<undefined>(() => {}), 1);
    const first = await client(listener);
    first.write(query);
    while (connections['open'].keys().next().value?.isIdle !== false)
      await new Promise((resolve) => setImmediate(resolve));
    const second = await client(listener);
    await once(second.resume(), 'end');
    assert.equal(first.destroyed, false);
    assert.equal(connections['open'].size, 1);
  });

  it('closes the one that has not asked for longest where it needs room', async () => {
    const listener = await listen((message) => message, 2);
    const [first, second] = [await client(listener), await client(listener)];
    while (connections['open'].size < 2) await new Promise((resolve) => setImmediate(resolve));
    first.write(query);
    await once(first, 'data');
    const closed = once(second.resume(), 'close');
    second.once('end', () => second.end());
    const third = await client(listener);
    await closed;
    third.write(query);
    await once(third, 'data');
    assert.equal(first.destroyed, false);
  });

  it('takes nothing over IPv4 where it listens on all addresses of IPv6', async () => {
    const { port } = await listen((message) => message, 10, { address: '::', port: 0 });
    await listen((message) => message, 10, { address: '0.0.0.0', port });
  });

  it('says where it cannot listen, and logs what goes wrong later', async () => {
    const listener = await listen((message) => message);
    await assert.rejects(
      listen((message) => message, 10, { ...here, port: listener.port }),
      {
        code: 'JITSU_LISTEN_FAILED',
        message: /TCP 127\.0\.0\.1:\d+: something else is listening/,
      },
    );
    (Reflect.get(listener, 'server') as Server).emit('error', new Error('no more files'));
    assert.deepEqual(log.at('warn'), ['a TCP socket reports an error']);
  });

  it('is closed when its connections are, too', async () => {
    const listener = await listen((message) => message);
    const socket = await client(listener);
    while (connections['open'].size < 1) await new Promise((resolve) => setImmediate(resolve));
    let isClosed = false;
    const closing = listener.close().then(() => (isClosed = true));
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isClosed, false);
    await connections.end();
    await closing;
    socket.destroy();
    open.shift();
  });
});
