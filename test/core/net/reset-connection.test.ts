import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { resetConnection } from '#core/net/reset-connection.js';
import { eventually } from '#core/testing/eventually.js';

describe('the reset of a connection', () => {
  let server: Server;
  let served: Promise<Socket>;
  let client: Socket;
  let fate: string | undefined;

  beforeEach(async () => {
    fate = undefined;
    server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    served = once(server, 'connection').then(([socket]) => socket as Socket);
    await once(server, 'listening');
    client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', (error: NodeJS.ErrnoException) => (fate = error.code));
    client.resume();
  });

  afterEach(() => {
    client.destroy();
    server.close();
  });

  it('tells the other side', async () => {
    resetConnection(await served);
    await eventually(() => assert.equal(fate, 'ECONNRESET'));
  });

  for (const [what, end] of [
    ['the end of what was sent', (socket: Socket) => void socket.end()],
    ['the end behind what was sent', (socket: Socket) => void socket.end('x')],
    ['a reset', (socket: Socket) => void socket.resetAndDestroy()],
  ] as const) {
    it(`closes the descriptor behind ${what}`, async () => {
      const socket = await served;
      socket.on('error', (error) => assert.fail(error.message));
      const closed = once(socket, 'close');
      end(socket);
      resetConnection(socket);
      await closed;
    });
  }

  it('gives up a connection that is not made yet', async () => {
    const other = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    const closed = once(other, 'close');
    resetConnection(other);
    await closed;
  });
});
