import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { DnsSettings } from '#core/config/settings.js';
import type { Endpoint } from '#core/net/endpoint.js';
import type { DnsAnswer, DnsQuery, RecordsAnswer, Resolver } from '#core/contracts/resolver.js';
import { DnsServer } from '#core/dns/server.js';
import { frame, FrameReader } from '#core/dns/wire/frame-reader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { askByTcp, askByUdp } from '../../support/dns-exchange.js';
import { serverContext } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { decodeReply, extendedErrorIn, queryBytes } from '../../support/dns-message.js';
import { udpClient } from '../../support/dns-query.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { FakeLease } from '../../support/fake-lease.js';
import { describeOverUdp } from '../../support/udp-transports.js';

const reply: RecordsAnswer = { rcode: 0, answers: [{ name: 'a.test', type: 'A', ttl: 1, address: '192.0.2.1' }] };

/** Answers when told to, those that begin with `slow` at least; all others at once. */
class Gate implements Resolver {
  readonly signals: AbortSignal[] = [];
  private readonly waiting: (() => void)[] = [];
  private arrived: (() => void) | undefined;

  async resolve({ name }: DnsQuery, signal: AbortSignal): Promise<DnsAnswer> {
    if (!name.startsWith('slow')) return reply;
    this.signals.push(signal);
    this.arrived?.();
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return reply;
  }

  async untilWaiting(count = 1): Promise<void> {
    while (this.signals.length < count) await new Promise<void>((resolve) => (this.arrived = resolve));
  }

  open(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

describeOverUdp('the DNS server', (transport) => {
  const opened: { server: DnsServer; clock: ManualClock; gate: Gate }[] = [];
  const sockets: Socket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const { server, gate } of opened.splice(0)) {
      gate.open();
      await server.close(0);
    }
  });

  const start = async (settings: Partial<DnsSettings> = {}) => {
    const stage = { clock: new ManualClock(), gate: new Gate(), log: new DnsLog() };
    const server = new DnsServer(
      dnsSettings({ transport, ...settings }),
      [stage.gate],
      serverContext({ clock: stage.clock, logger: stage.log }),
    );
    await server.listen();
    opened.push({ ...stage, server });
    return { ...stage, server, endpoint: server.listening[0] as Endpoint };
  };

  const dial = async ({ address, port }: Endpoint): Promise<Socket> => {
    const socket = connect({ host: address, port, allowHalfOpen: true });
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };

  const firstOn = async (socket: Socket): Promise<Uint8Array> => {
    const frames = new FrameReader();
    for (;;) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      for (const message of frames.push(chunk)) return message;
    }
  };

  it('answers over UDP and TCP on one port of each address, of both families', async () => {
    const { server } = await start({ bind: ['127.0.0.1', '::1', '127.0.0.2'] });
    const ports = new Set(server.listening.map(({ port }) => port));
    assert.deepEqual(
      server.listening.map(({ address }) => address),
      ['127.0.0.1', '::1', '127.0.0.2'],
    );
    assert.equal(ports.size, 1);
    for (const endpoint of server.listening) {
      const query = queryBytes('a.test');
      assert.equal(decodeReply(await askByUdp(endpoint, query)).rcode, 'NOERROR');
      const [answer] = await askByTcp(endpoint, query);
      assert.equal(decodeReply(answer).rcode, 'NOERROR');
    }
  });

  it('answers without a socket as it does with one', async () => {
    const { server, endpoint } = await start();
    const query = queryBytes('a.test');
    assert.deepEqual(Buffer.from((await server.handle(query, udpClient)) ?? []), await askByUdp(endpoint, query));
  });

  it('says which address is taken, and leaves no socket open', async () => {
    const { endpoint } = await start();
    const settings = dnsSettings({ transport, bind: ['127.0.0.3', '127.0.0.1'], port: endpoint.port });
    const second = new DnsServer(settings, [], serverContext({ clock: new ManualClock(), logger: new DnsLog() }));
    await assert.rejects(second.listen(), {
      code: 'JITSU_LISTEN_FAILED',
      message: new RegExp(`127\\.0\\.0\\.1:${endpoint.port}`),
    });
    assert.deepEqual(second.listening, []);
    const probe = createSocket('udp4').bind(endpoint.port, '127.0.0.3');
    await once(probe, 'listening');
    await new Promise<void>((resolve) => probe.close(() => resolve()));
  });

  it('answers pipelined queries when their answers are there, not in the order in which they came', async () => {
    const { endpoint, gate } = await start();
    const socket = await dial(endpoint);
    const slow = queryBytes('slow.test', { id: 1 });
    socket.write(Buffer.concat([frame(slow), frame(queryBytes('a.test', { id: 2 }))]));
    assert.equal(decodeReply(await firstOn(socket)).id, 2);
    gate.open();
    assert.equal(decodeReply(await firstOn(socket)).id, 1);
  });

  it('answers all that a client sent before it closed its half', async () => {
    const { endpoint } = await start();
    const queries = Array.from({ length: 500 }, (_, id) => queryBytes('a.test', { id }));
    const replies = await askByTcp(endpoint, ...queries);
    assert.deepEqual(
      replies.map((message) => decodeReply(message).id),
      queries.map((_, id) => id),
    );
  });

  it('closes a TCP connection that is idle for too long, but none that waits for an answer', async () => {
    const { endpoint, clock, gate } = await start();
    const [idle, busy] = [await dial(endpoint), await dial(endpoint)];
    busy.write(frame(queryBytes('slow.test')));
    await gate.untilWaiting();
    const closed = once(idle, 'close');
    idle.resume();
    await clock.advance(9_999);
    assert.equal(idle.readableEnded, false);
    await clock.advance(1);
    idle.end();
    await closed;
    gate.open();
    assert.equal(decodeReply(await firstOn(busy)).rcode, 'NOERROR');
  });

  it('lets half a message keep no connection open', async () => {
    const { endpoint, clock } = await start();
    const socket = await dial(endpoint);
    socket.write(Uint8Array.of(0, 40, 1, 2, 3));
    await clock.advance(6_000);
    socket.write(Uint8Array.of(4));
    const ended = once(socket, 'close');
    socket.resume();
    await clock.advance(4_000);
    socket.end();
    await ended;
  });

  it('closes the idle connection that was used least recently where one too many comes', async () => {
    const { endpoint } = await start({ limits: { ...dnsSettings().limits, tcpConnections: 2 } });
    const [first, second] = [await dial(endpoint), await dial(endpoint)];
    for (const socket of [second, first]) {
      socket.write(frame(queryBytes('a.test')));
      await firstOn(socket);
    }
    const closed = once(second, 'end');
    second.resume();
    const third = await dial(endpoint);
    await closed;
    for (const socket of [first, third]) {
      socket.write(frame(queryBytes('a.test')));
      assert.equal(decodeReply(await firstOn(socket)).rcode, 'NOERROR');
    }
  });

  it('turns away one too many where all connections are waited on', async () => {
    const { endpoint, gate } = await start({ limits: { ...dnsSettings().limits, tcpConnections: 1 } });
    const first = await dial(endpoint);
    first.write(frame(queryBytes('slow.test')));
    await gate.untilWaiting();
    const second = await dial(endpoint);
    second.resume();
    await once(second, 'end');
    gate.open();
    assert.equal(decodeReply(await firstOn(first)).rcode, 'NOERROR');
  });

  it('gives up a query whose client has hung up', async () => {
    const { endpoint, gate } = await start();
    const socket = await dial(endpoint);
    socket.write(frame(queryBytes('slow.test')));
    await gate.untilWaiting();
    const aborted = once(gate.signals[0] as AbortSignal, 'abort');
    socket.resetAndDestroy();
    await aborted;
  });

  it('drops a client who sends and never reads', async () => {
    const huge = 'x'.repeat(255);
    const strings = Array.from({ length: 200 }, () => huge);
    const large: Resolver = {
      resolve: async () => ({ rcode: 0, answers: [{ name: 'a.test', type: 'TXT', ttl: 1, strings }] }),
    };
    const server = new DnsServer(
      dnsSettings({ transport }),
      [large],
      serverContext({ clock: new ManualClock(), logger: new DnsLog() }),
    );
    await server.listen();
    try {
      const socket = await dial(server.listening[0] as Endpoint);
      socket.pause();
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      const query = frame(queryBytes('a.test', { type: 'TXT' }));
      const many = Buffer.concat(Array.from({ length: 1_000 }, () => query));
      const flood = (): void => {
        if (socket.writable) socket.write(many, flood);
      };
      flood();
      await closed;
    } finally {
      await server.close(0);
    }
  });

  it('waits at close for the answers in flight, fails new queries meanwhile, and then listens no more', async () => {
    const { server, endpoint, gate } = await start();
    const slow = askByUdp(endpoint, queryBytes('slow.test'));
    const slowByTcp = askByTcp(endpoint, queryBytes('slow.test'));
    await gate.untilWaiting(2);
    const closing = server.close(5_000);
    const refused = decodeReply(await askByUdp(endpoint, queryBytes('a.test', { edns: {} })));
    assert.equal(refused.rcode, 'SERVFAIL');
    assert.match(extendedErrorIn(refused)?.text ?? '', /shutting down/);
    gate.open();
    assert.equal(decodeReply(await slow).rcode, 'NOERROR');
    assert.equal(decodeReply((await slowByTcp)[0]).rcode, 'NOERROR');
    await closing;
    assert.deepEqual(server.listening, []);
    const late = connect({ host: endpoint.address, port: endpoint.port });
    await assert.rejects(once(late, 'connect'), { code: 'ECONNREFUSED' });
  });

  it('fails at close what is not answered within the grace', async () => {
    const { server, endpoint, gate, clock } = await start();
    const slow = askByUdp(endpoint, queryBytes('slow.test'));
    await gate.untilWaiting();
    const closing = server.close(5_000);
    await clock.advance(5_000);
    assert.equal(decodeReply(await slow).rcode, 'SERVFAIL');
    assert.equal(gate.signals[0]?.aborted, true);
    await closing;
  });

  it('closes while connections are open and idle, or in the middle of a message', async () => {
    const { server, endpoint } = await start();
    const [idle, half] = [await dial(endpoint), await dial(endpoint)];
    half.write(Uint8Array.of(0, 40, 1));
    idle.resume();
    half.resume();
    await server.close(5_000);
  });

  describe('where an answer is hot', () => {
    const lease = (): FakeLease => new FakeLease();
    const startWith = async (answer: RecordsAnswer) => {
      const stage = { clock: new ManualClock(), gate: new Gate(), log: new DnsLog() };
      let asked = 0;
      const resolver: Resolver = {
        resolve: async ({ name }, signal) => {
          if (name.startsWith('slow')) return stage.gate.resolve({ name } as DnsQuery, signal);
          asked += 1;
          return answer;
        },
      };
      const server = new DnsServer(
        dnsSettings({ transport }),
        [resolver],
        serverContext({ clock: stage.clock, logger: stage.log }),
      );
      await server.listen();
      opened.push({ ...stage, server });
      return { ...stage, server, endpoint: server.listening[0] as Endpoint, asked: () => asked };
    };

    it('gives it without a promise, and asks no resolver', async () => {
      const { server, asked } = await startWith({ ...reply, lease: lease() });
      const query = queryBytes('a.test');
      const first = Buffer.from((await server.handle(query, udpClient)) ?? []);
      assert.deepEqual(server.handle(query, udpClient), first);
      assert.equal(asked(), 1);
    });

    it('gives it over every transport, in order on one connection', async () => {
      const { endpoint, asked } = await startWith({ ...reply, lease: lease() });
      const queries = Array.from({ length: 500 }, (_, id) => queryBytes('a.test', { id }));
      await askByUdp(endpoint, queryBytes('a.test'));
      assert.equal(decodeReply(await askByUdp(endpoint, queryBytes('A.test', { id: 7 }))).id, 7);
      const replies = await askByTcp(endpoint, ...queries);
      assert.deepEqual(
        replies.map((message) => decodeReply(message).id),
        queries.map((_, id) => id),
      );
      assert.equal(asked(), 1);
    });

    it('holds a connection to its idle time all the same', async () => {
      const { endpoint, clock, server } = await startWith({ ...reply, lease: lease() });
      await server.handle(queryBytes('a.test'), udpClient);
      const socket = await dial(endpoint);
      await clock.advance(9_000);
      socket.write(frame(queryBytes('a.test')));
      await firstOn(socket);
      await clock.advance(9_999);
      assert.equal(socket.readableEnded, false);
      const ended = once(socket, 'end');
      socket.resume();
      await clock.advance(1);
      await ended;
    });

    it('asks again when its lease has ended, and gives none while it closes', async () => {
      const held = lease();
      const { server, asked, clock, gate } = await startWith({ ...reply, lease: held });
      const query = queryBytes('a.test', { edns: {} });
      await server.handle(query, udpClient);
      held.end();
      await server.handle(query, udpClient);
      assert.equal(asked(), 2);
      held.holds = true;
      await server.handle(query, udpClient);
      const waiting = server.handle(queryBytes('slow.test'), udpClient);
      const closing = server.close(1_000);
      const refused = decodeReply(await server.handle(query, udpClient));
      assert.equal(refused.rcode, 'SERVFAIL');
      gate.open();
      await waiting;
      await closing;
      assert.equal(clock.pending, 0);
    });
  });
});
