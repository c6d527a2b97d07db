import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { InstantConnector } from '#core/net/instant-connector.js';
import { Linux } from '#core/net/linux.js';
import { connectForProbe, markProbes } from '#core/net/probe-mark.js';
import { loadSocketCalls, type SocketCalls } from '#core/net/socket-calls.js';
import { requireRoot } from '../../support/require-tool.js';
import { requireMmsg } from '../../support/udp-transports.js';

const MARK = 0x4a49_5453;

describe('the mark of probes', () => {
  let calls: SocketCalls;
  let server: Server;
  let port: number;

  before(async function () {
    requireMmsg(this);
    // Only those who have CAP_NET_ADMIN can set it.
    requireRoot(this);
    calls = await loadSocketCalls();
    server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '::');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  after(() => server?.close());
  afterEach(() => markProbes(undefined));

  const markOf = (socket: Socket): number => {
    const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
    const value = Buffer.alloc(4);
    const length = Buffer.from([4, 0, 0, 0]);
    assert.equal(calls.getsockopt(fd, Linux.SOL_SOCKET, Linux.SO_MARK, value, length), 0);
    return value.readUInt32LE(0);
  };

  const connected = async (address: string): Promise<Socket> => {
    const socket = connectForProbe({ address, port });
    await once(socket, 'connect');
    return socket;
  };

  for (const address of ['127.0.0.1', '::1']) {
    it(`is on all packets of a connection to ${address}, from its first on, and the connection works`, async () => {
      await markProbes(MARK);
      const socket = connectForProbe({ address, port });
      assert.equal(markOf(socket), MARK, 'before it is open');
      await once(socket, 'connect');
      assert.deepEqual([markOf(socket), socket.remoteAddress, socket.remotePort], [MARK, address, port]);
      const ended = once(socket, 'close');
      socket.resume().end('x');
      await ended;
    });

    it(`is on what connects to ${address} at once`, async () => {
      await markProbes(MARK);
      const socket = new InstantConnector(calls, { address, port }).attempt();
      assert.ok(typeof socket === 'object');
      assert.equal(markOf(socket), MARK);
      socket.destroy();
    });
  }

  it('is on none where there is no doorman that knows it, nor any more when that has gone', async () => {
    const plain = await connected('127.0.0.1');
    await markProbes(MARK);
    await markProbes(undefined);
    const later = await connected('127.0.0.1');
    assert.deepEqual([plain, later].map(markOf), [0, 0]);
    for (const socket of [plain, later]) socket.destroy();
  });

  it('is no hindrance to a name, whose address is found first', async () => {
    await markProbes(MARK);
    const socket = await connected('localhost');
    assert.equal(markOf(socket), 0);
    socket.destroy();
  });

  it('has a refused connection fail as any other does', async () => {
    await markProbes(MARK);
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port: free } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');
    const socket = connectForProbe({ address: '127.0.0.1', port: free });
    await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' });
  });
});
