import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { listenerOwner } from '#core/net/listener-owner.js';
import { cannotRun } from '../../support/cannot-run.js';

describe('who listens on a port', () => {
  const servers: Server[] = [];
  const files: number[] = [];

  before(function () {
    if (process.platform !== 'linux') cannotRun(this, 'only Linux tells it, in /proc');
  });

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    for (const file of files.splice(0)) closeSync(file);
  });

  const listen = async (host: string): Promise<number> => {
    const server = createServer().listen(0, host);
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  it('is told by name and number, over IPv4 and IPv6, among thousands who listen', async () => {
    for (let count = 0; count < 500; count += 1) await listen('127.0.0.1');
    for (const address of ['127.0.0.1', '::1']) {
      const port = await listen(address);
      assert.match((await listenerOwner({ address, port })) ?? '', new RegExp(`\\(process ${process.pid}\\)$`));
    }
    assert.equal(await listenerOwner({ address: '127.0.0.1', port: 1 }), undefined);
    assert.equal(await listenerOwner({ address: 'no address', port: 1 }), undefined);
  });

  it('is looked for little by little, so that queries are answered meanwhile', async () => {
    for (let count = 0; count < 2_000; count += 1) files.push(openSync('/dev/null', 'r'));
    const port = await listen('127.0.0.1');
    let turns = 0;
    let pending = setImmediate(function again() {
      turns += 1;
      pending = setImmediate(again);
    });
    try {
      assert.match((await listenerOwner({ address: '127.0.0.1', port })) ?? '', /\(process \d+\)$/);
    } finally {
      clearImmediate(pending);
    }
    assert.ok(turns >= 2_000 / 64, `only ${turns} turns of the event loop`);
  });
});
