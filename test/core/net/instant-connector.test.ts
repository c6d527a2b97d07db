import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket, type AddressInfo } from 'node:net';
import { InstantConnector } from '#core/net/instant-connector.js';
import { loadSocketCalls, type SocketCalls } from '#core/net/socket-calls.js';
import { eventually } from '#core/testing/eventually.js';
import { assertEchoed, echoServer } from '../../support/echo.js';
import { freePort } from '../../support/free-port.js';
import { LightGuest } from '../../support/light-guest.js';
import { openFiles } from '../../support/open-files.js';
import { requireMmsg } from '../../support/udp-transports.js';

describe('an attempt to connect that is decided at once', function () {
  this.timeout(20_000);
  let calls: SocketCalls;

  before(async function () {
    requireMmsg(this);
    calls = await loadSocketCalls();
  });

  it('is refused where nobody listens, or nobody can, a thousand times, and leaves no file open', async () => {
    const endpoints = [
      { address: '127.0.0.1', port: await freePort() },
      { address: '::1', port: await freePort() },
      { address: '127.0.0.1', port: 0 },
      { address: '224.0.0.1', port: 80 },
    ];
    const connectors = endpoints.map((endpoint) => new InstantConnector(calls, endpoint));
    const before = openFiles();
    for (let round = 0; round < 250; round += 1) {
      for (const connector of connectors) assert.equal(connector.attempt(), 'refused');
    }
    assert.equal(openFiles(), before);
  });

  for (const address of ['127.4.5.6', '::1']) {
    it(`is a socket of Node's, open and heard at both ends, where somebody listens on ${address}`, async () => {
      const server = echoServer().listen(0, address);
      try {
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        const socket = new InstantConnector(calls, { address, port }).attempt();
        assert.ok(socket instanceof Socket);
        assert.deepEqual([socket.remoteAddress, socket.remotePort], [address, port]);
        await assertEchoed(socket);
      } finally {
        server.close();
      }
    });
  }

  it('is given up where no answer has come', async () => {
    using guest = new LightGuest();
    const endpoint = { address: '127.7.8.9', port: await freePort() };
    const [file = '', ...words] = guest.command(endpoint.address, endpoint.port, 0);
    const child = spawn(file, words, { stdio: ['ignore', 'inherit', 'inherit'] });
    const connector = new InstantConnector(calls, endpoint);
    const held: Socket[] = [];
    try {
      const knock = (): void => {
        const outcome = connector.attempt();
        if (outcome instanceof Socket) held.push(outcome);
        else assert.equal(outcome, 'undecided');
      };
      await eventually(knock);
      // It takes no more connections, and when as many wait for it as may, the system no longer answers for it.
      child.kill('SIGSTOP');
      const before = openFiles();
      for (let attempt = 0; attempt < 100; attempt += 1) knock();
      assert.ok(held.length > 50 && held.length < 101, `${held.length} connections`);
      assert.equal(openFiles(), before + held.length - 1);
    } finally {
      for (const socket of held) socket.destroy();
      child.kill('SIGKILL');
    }
  });
});
