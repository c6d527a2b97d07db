import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { setEnvironmentData } from 'node:worker_threads';
import type { DnsClient } from '#core/contracts/resolver.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { createPacketMemory } from '#core/dns/packet-cache/packet-memory.js';
import type { MessageHandler } from '#core/dns/transport/udp-transport.js';
import { MmsgTransport, type MmsgContext } from '#core/dns/transport/mmsg/mmsg-transport.js';
import { ENVELOPE_WORDS } from '#core/net/datagram-batch.js';
import { loadSocketCalls } from '#core/net/socket-calls.js';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAccessControl } from '../../../../support/dns-admission.js';
import { askByUdp } from '../../../../support/dns-exchange.js';
import { DnsLog } from '../../../../support/dns-log.js';
import { decodeReply, queryBytes } from '../../../../support/dns-message.js';
import { aQuery } from '../../../../support/dns-query.js';
import { openFiles } from '../../../../support/open-files.js';
import { niceOfThreads } from '../../../../support/thread-niceness.js';
import { requireMmsg } from '../../../../support/udp-transports.js';
import { LASTING_LEASE } from '../../../../support/fake-lease.js';

const here = { address: '127.0.0.1', port: 0 };
const echo: MessageHandler = (message) => message;
const goingFirst = (): number => niceOfThreads('self').filter((nice) => nice < getPriority()).length;
const mayGoFirst = process.getuid?.() === 0;
const threads = (): number => readdirSync('/proc/self/task').length;

describe('a listener that takes datagrams by mmsg', function () {
  this.timeout(60_000);

  const clock = new ManualClock();
  const log = new DnsLog();
  const open: MmsgTransport[] = [];
  let context: MmsgContext;

  before(async function () {
    requireMmsg(this);
    const calls = await loadSocketCalls();
    const packets = createPacketMemory(16);
    context = { calls, workers: 1, recursionAvailable: false, packets, access: anAccessControl(), clock, logger: log };
  });

  afterEach(async () => {
    for (const listener of open.splice(0)) await listener.close();
  });

  const start = async (handler: MessageHandler, more: Partial<MmsgContext> = {}): Promise<MmsgTransport> => {
    const listener = await MmsgTransport.open(here, handler, { ...context, ...more });
    open.push(listener);
    return listener;
  };

  it('leaves neither a file nor a thread when it has been closed, 50 times', async () => {
    await (await MmsgTransport.open(here, echo, context)).close();
    const before = [openFiles(), threads()];
    for (let time = 0; time < 50; time += 5) {
      const some = await Promise.all(Array.from({ length: 5 }, () => MmsgTransport.open(here, echo, context)));
      await Promise.all(some.map((listener) => listener.close()));
    }
    assert.deepEqual([openFiles(), threads()], before);
  });

  it('leaves neither a file nor a thread when it cannot be opened', async () => {
    const { port } = await start(echo);
    const before = [openFiles(), threads()];
    const address = { ...here, port };
    await assert.rejects(MmsgTransport.open(address, echo, context), { code: 'JITSU_LISTEN_FAILED' });
    const program = new URL('data:text/javascript,throw new Error("no such thing here")');
    await assert.rejects(MmsgTransport.open(here, echo, { ...context, program, workers: 3 }), {
      name: 'NativeSocketsUnavailable',
      message: /no such thing here/,
    });
    assert.deepEqual([openFiles(), threads()], before);
  });

  it('has its threads, and no others, go first as long as that is wanted, if it may', async () => {
    const listener = await start(echo, { workers: 2 });
    assert.equal(goingFirst(), 0);
    listener.prioritize(true);
    assert.equal(goingFirst(), mayGoFirst ? 2 : 0);
    listener.prioritize(false);
    assert.equal(goingFirst(), 0);
  });

  it('shares a port between several threads, each with clients of its own', async () => {
    const { port } = await start(echo, { workers: 4 });
    const asked = await Promise.all(
      Array.from({ length: 60 }, (_, id) => askByUdp({ ...here, port }, queryBytes('a.test', { id }))),
    );
    assert.deepEqual(
      asked.map((reply) => Buffer.from(reply).readUInt16BE(0)),
      [...asked.keys()],
    );
  });

  it('answers what it took before it was closed, and nothing after', async () => {
    let release = (): void => {};
    const taken = new Promise<void>((resolve) => (release = resolve));
    let arrived = (): void => {};
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const { port, listener } = await start(async (message) => {
      arrived();
      await taken;
      return message;
    }).then((opened) => ({ port: opened.port, listener: opened }));
    const early = askByUdp({ ...here, port }, queryBytes('a.test', { id: 1 }));
    await arrival;
    const closing = listener.close();
    open.length = 0;
    const late: Socket = createSocket('udp4');
    late.on('message', () => assert.fail('answered after the close'));
    late.send(queryBytes('a.test', { id: 2 }), port, here.address);
    release();
    assert.equal(Buffer.from(await early).readUInt16BE(0), 1);
    await closing;
    const again = createSocket('udp4').bind(port, here.address);
    await once(again, 'listening');
    again.close();
    late.close();
  });

  it('drops and cuts a flood of what is hot in its threads, and has only the count of it on the main thread', async () => {
    const hot = new PacketCache(false, clock);
    const address = { name: 'a.test', type: 'A', ttl: 60, address: '192.0.2.1' } as const;
    hot.keep(aQuery('a.test'), { rcode: 0, answers: [address], lease: LASTING_LEASE });
    const access = anAccessControl({ rateLimit: { perSecond: 5, slip: 2, exempt: [] } });
    let handled = 0;
    const { port } = await start(() => void (handled += 1), { packets: hot.memory, access });
    const client = createSocket('udp4');
    const found: boolean[] = [];
    client.on('message', (reply) => found.push(decodeReply(reply).flag_tc));
    try {
      // No more than the smallest buffer of a socket holds.
      for (let id = 0; id < 200; id += 1) client.send(queryBytes('a.test', { id }), port, here.address);
      const replies = (): number[] => [true, false].map((cut) => found.filter((flag) => flag === cut).length);
      const counts = (): number[] => [access.refusals.counts.rateCut, access.refusals.counts.rateDropped];
      await eventually(async () => {
        await clock.advance(250);
        const [cut = 0, dropped = 0] = counts();
        const [cutReplies, whole = 0] = replies();
        assert.ok(whole >= 5 && cut + dropped + whole === 200, `${cut} + ${dropped} + ${whole}`);
        assert.equal(cutReplies, cut);
      });
      assert.equal(handled, 0);
    } finally {
      client.close();
    }
  });

  it('has another thread take the place of one that died, and says so', async () => {
    const deaths = new Int32Array(new SharedArrayBuffer(4));
    setEnvironmentData('deaths', deaths);
    const program = new URL('../../../../support/mortal-receiver.js', import.meta.url);
    const listener = await start(echo, { program });
    listener.prioritize(true);
    const { port } = listener;
    const answered = askByUdp({ ...here, port }, queryBytes('a.test', { id: 7 }));
    for (const pause of [100, 200]) {
      while (log.at('error').length < (pause === 100 ? 1 : 2)) await new Promise((resolve) => setTimeout(resolve, 5));
      await clock.advance(pause);
    }
    assert.equal(Buffer.from(await answered).readUInt16BE(0), 7);
    assert.equal(deaths[0], 2);
    await eventually(() => assert.equal(goingFirst(), mayGoFirst ? 1 : 0, 'it goes first like its predecessors'));
    assert.match(log.at('error').join(), /has died; another one takes its place/);
  });

  it('is not closed before the last answer has left, and takes what its threads still hand over', async () => {
    const program = new URL('../../../../support/scripted-receiver.js', import.meta.url);
    setEnvironmentData('receiver', { lives: new Int32Array(1), deaths: 0, late: true } as unknown as Int32Array);
    let late = 0;
    const scripted = await start(() => new Promise(() => (late += 1)), { program });
    await scripted.close();
    assert.equal(late, 1, 'without waiting for its answer');
    open.length = 0;
    const answers: ((reply: undefined) => void)[] = [];
    const listener = await start(() => new Promise((resolve) => answers.push(resolve)));
    const client = createSocket('udp4');
    for (const id of [1, 2]) client.send(queryBytes('a.test', { id }), listener.port, here.address);
    await eventually(() => assert.equal(answers.length, 2));
    let isClosed = false;
    const closing = listener.close().then(() => (isClosed = true));
    for (const answer of answers) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(isClosed, false);
      answer(undefined);
    }
    await closing;
    client.close();
  });

  it('sends what is answered in one turn by one call, 64 at most, and logs what cannot be sent', async () => {
    const sent: number[] = [];
    let failing: string | undefined;
    const calls: MmsgContext['calls'] = {
      ...context.calls,
      sendmmsg: (...parameters) => {
        sent.push(parameters[2]);
        return failing === undefined ? context.calls.sendmmsg(...parameters) : -1;
      },
      errorCode: () => failing ?? context.calls.errorCode(),
    };
    const answers: (() => void)[] = [];
    const handler: MessageHandler = (message) => new Promise((resolve) => answers.push(() => resolve(message)));
    const listener = await start(handler, { calls });
    const client = createSocket('udp4');
    const ids = new Set<number>();
    client.on('message', (reply) => ids.add(reply.readUInt16BE(0)));
    const ask = async (count: number): Promise<void> => {
      for (let id = 0; id < count; id++) client.send(queryBytes('a.test', { id }), listener.port, here.address);
      await eventually(() => assert.equal(answers.length, count));
      for (const answer of answers.splice(0)) answer();
    };
    try {
      await ask(100);
      await eventually(() => assert.equal(ids.size, 100));
      assert.deepEqual(sent.splice(0), [64, 36]);
      await ask(3);
      await eventually(() => assert.deepEqual(sent, [3]));
      const before = log.entries.length;
      failing = 'EPERM';
      await ask(2);
      await eventually(() => assert.equal(log.entries.length, before + 1));
      assert.deepEqual(log.entries.at(-1), {
        ...{ level: 'debug', fields: { count: 2, code: 'EPERM' }, message: 'replies could not be sent' },
      });
      failing = undefined;
      await ask(1);
      await eventually(() => assert.equal(sent.at(-1), 1));
      assert.equal(log.entries.length, before + 1);
    } finally {
      client.close();
    }
  });

  it('tells its clients apart, by address and by port', async () => {
    const heard: string[] = [];
    const { port } = await start((message, client) => {
      assert.equal(client.transport, 'udp');
      heard.push(`${client.address} ${client.port}`);
      return message;
    });
    const clients = await Promise.all(
      ['127.0.0.1', '127.0.0.2', '127.0.0.1'].map(async (address) => {
        const socket = createSocket('udp4').bind(0, address);
        await once(socket, 'listening');
        return socket;
      }),
    );
    const expected: string[] = [];
    for (const client of [...clients, ...clients]) {
      client.send(queryBytes('a.test'), port, here.address);
      await once(client, 'message');
      expected.push(`${client.address().address} ${client.address().port}`);
    }
    for (const client of clients) client.close();
    assert.deepEqual(heard, expected);
  });

  it('looks up an address once for a client that asks again, by any port', async () => {
    let lookedUp = 0;
    const if_indextoname: MmsgContext['calls']['if_indextoname'] = (index, name) => {
      lookedUp += 1;
      name.set(Buffer.from(`if${index}\0`));
      return 1n;
    };
    const listener = await start(echo, { calls: { ...context.calls, if_indextoname } });
    const clients = Reflect.get(listener, 'clients') as { of(envelope: Uint32Array): DnsClient };
    const envelope = new Uint32Array(ENVELOPE_WORDS);
    const address = new Uint8Array(envelope.buffer, 4);
    address.set([10, 0, 0x12, 0x34, 0, 0, 0, 0, 0xfe, 0x80]);
    [address[23], address[24]] = [1, 3];
    assert.deepEqual(clients.of(envelope), { address: 'fe80::1%if3', port: 0x1234, transport: 'udp' });
    address[3] = 0x35;
    assert.deepEqual(clients.of(envelope), { address: 'fe80::1%if3', port: 0x1235, transport: 'udp' });
    // What stands behind the address says nothing of the client.
    address.fill(0xff, 28);
    clients.of(envelope);
    assert.equal(lookedUp, 1);
    address[24] = 4;
    assert.equal(clients.of(envelope).address, 'fe80::1%if4');
    address[23] = 2;
    assert.equal(clients.of(envelope).address, 'fe80::2%if4');
    assert.equal(lookedUp, 3);
  });
});
