import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { DnsSettings } from '#core/config/settings.js';
import type { Endpoint } from '#core/net/endpoint.js';
import type { DnsClient, DnsQuery, Resolver } from '#core/contracts/resolver.js';
import { DnsServer } from '#core/dns/server.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { askByUdp } from '../../../support/dns-exchange.js';
import { serverContext } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, queryBytes } from '../../../support/dns-message.js';
import { udpClient } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { describeOverUdp } from '../../../support/udp-transports.js';
import { LASTING_LEASE } from '../../../support/fake-lease.js';

/** A query with an EDNS option of that many zeros (RFC 7830). */
function paddedQuery(padding: number): Uint8Array {
  const query = Buffer.from(queryBytes('a.test', { edns: {} }));
  query.writeUInt16BE(4 + padding, query.length - 2);
  const option = Buffer.alloc(4 + padding);
  option.writeUInt16BE(12, 0);
  option.writeUInt16BE(padding, 2);
  return Buffer.concat([query, option]);
}

describeOverUdp('datagrams', (transport) => {
  const servers: DnsServer[] = [];
  const sockets: Socket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.close();
    for (const server of servers.splice(0)) await server.close(0);
  });

  const start = async (resolver: Resolver, settings: Partial<DnsSettings> = {}) => {
    const log = new DnsLog();
    const deps = { clock: new ManualClock(), logger: log };
    const server = new DnsServer(dnsSettings({ transport, ...settings }), [resolver], serverContext(deps));
    await server.listen();
    servers.push(server);
    return { server, log, endpoint: server.listening[0] as Endpoint };
  };

  const clientSocket = async (type: 'udp4' | 'udp6' = 'udp4'): Promise<Socket> => {
    const socket = createSocket(type);
    sockets.push(socket);
    socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1');
    await once(socket, 'listening');
    return socket;
  };

  const answer = { rcode: 0, answers: [{ name: 'a.test', type: 'A', ttl: 1, address: '192.0.2.1' }] } as const;
  const always: Resolver = { resolve: async () => answer };

  it('say how they are taken', async () => {
    const { server } = await start(always);
    assert.equal(server.udpTransport, transport);
  });

  it('are read whole, however long', async () => {
    const { server, endpoint } = await start(always);
    for (const padding of [0, 1, 4_000, 4_096, 9_000, 60_000]) {
      const query = paddedQuery(padding);
      const expected = await server.handle(query, udpClient);
      assert.deepEqual(await askByUdp(endpoint, query), Buffer.from(expected ?? []), `${padding} bytes`);
    }
  });

  it('are answered until their socket is gone, and refused by the system from then on', async () => {
    for (let time = 0; time < 3; time += 1) {
      const { server, endpoint } = await start(always);
      const client = await clientSocket();
      client.connect(endpoint.port, endpoint.address);
      await once(client, 'connect');
      const missing = new Set<number>();
      let refused: NodeJS.ErrnoException | undefined;
      client.on('message', (reply) => missing.delete(reply.readUInt16BE(0)));
      client.on('error', (error) => (refused = error));
      let id = 0;
      const ask = (): void => {
        missing.add(++id);
        client.send(queryBytes('a.test', { id }));
      };
      for (let early = 0; early < 20; early += 1) ask();
      await once(client, 'message');
      let lastWhileOpen: number | undefined;
      const closing = server.close(5_000).then(() => (lastWhileOpen = id));
      while (refused === undefined) {
        await new Promise((resolve) => setTimeout(resolve, lastWhileOpen === undefined ? 1 : 5));
        ask();
      }
      const last = await closing;
      assert.equal(refused.code, 'ECONNREFUSED');
      // Those sent in the moment of the end are refused by the system.
      const silent = [...missing].filter((number) => number < last);
      assert.ok(silent.length <= 2, `${silent.length} of ${id} queries got neither an answer nor a refusal`);
    }
  });

  it('are met with silence if they are empty, short or responses, and those behind them are answered', async () => {
    const { endpoint, log } = await start(always);
    const socket = await clientSocket();
    const replies: Buffer[] = [];
    socket.on('message', (message) => replies.push(message));
    const response = Buffer.from(queryBytes('a.test', { id: 1 }));
    response.writeUInt8(0x81, 2);
    for (const message of [Buffer.alloc(0), response.subarray(0, 11), response, queryBytes('a.test', { id: 2 })])
      socket.send(message, endpoint.port, endpoint.address);
    await once(socket, 'message');
    assert.deepEqual(
      replies.map((reply) => decodeReply(reply).id),
      [2],
    );
    assert.deepEqual(log.at('error'), []);
  });

  it('come with the address and port of who sent them, of both families', async () => {
    const clients: DnsClient[] = [];
    const noting: Resolver = {
      resolve: async ({ client }: DnsQuery) => {
        clients.push(client);
        return answer;
      },
    };
    const { server } = await start(noting, { bind: ['127.0.0.1', '::1'] });
    for (const [index, type] of (['udp4', 'udp6'] as const).entries()) {
      const { address, port } = server.listening[index] as Endpoint;
      const socket = await clientSocket(type);
      socket.send(queryBytes('a.test'), port, address);
      const [, remote] = (await once(socket, 'message')) as [Buffer, { port: number; address: string }];
      assert.deepEqual([remote.address, remote.port], [address, port]);
      const own = socket.address();
      assert.deepEqual(clients[index], { address: own.address, port: own.port, transport: 'udp' });
    }
  });

  it('are answered alike from what is hot', async () => {
    let asked = 0;
    const once: Resolver = {
      resolve: async () => {
        asked += 1;
        return { ...answer, lease: LASTING_LEASE };
      },
    };
    const { endpoint } = await start(once);
    const queries = Array.from({ length: 100 }, (_, id) => queryBytes('a.test', { id, edns: {} }));
    const [first] = [await askByUdp(endpoint, queries[0] as Uint8Array)];
    for (const query of queries) {
      const reply = Buffer.from(await askByUdp(endpoint, query));
      assert.deepEqual(reply.subarray(2), Buffer.from(first as Uint8Array).subarray(2));
      assert.equal(reply.readUInt16BE(0), Buffer.from(query).readUInt16BE(0));
    }
    assert.equal(asked, 1);
  });

  it('of many clients at once are all answered', async () => {
    const { endpoint } = await start(always);
    const clients = await Promise.all(Array.from({ length: 10 }, () => clientSocket()));
    const ids = await Promise.all(
      clients.map(async (socket, client) => {
        const expected = Array.from({ length: 10 }, (_, index) => client * 100 + index);
        const got: number[] = [];
        await new Promise<void>((resolve) => {
          socket.on('message', (message) => {
            if (got.push(message.readUInt16BE(0)) === expected.length) resolve();
          });
          for (const id of expected) socket.send(queryBytes('a.test', { id }), endpoint.port, endpoint.address);
        });
        return { got: got.sort((one, other) => one - other), expected };
      }),
    );
    for (const { got, expected } of ids) assert.deepEqual(got, expected);
  });

  it('find an address that is in use to be in use, whoever holds it and however many ask', async () => {
    const { endpoint } = await start(always, { workers: 3 });
    for (const [other, workers] of [
      ['dgram', 1],
      [transport, 1],
      [transport, 3],
    ] as const) {
      const settings = dnsSettings({ transport: other, workers, port: endpoint.port });
      const second = new DnsServer(settings, [], serverContext({ clock: new ManualClock(), logger: new DnsLog() }));
      await assert.rejects(second.listen(), { code: 'JITSU_LISTEN_FAILED', message: /something else is listening/ });
    }
  });
});
