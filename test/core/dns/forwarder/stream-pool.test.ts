import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { UpstreamSettings } from '#core/config/settings.js';
import { frame, FrameReader } from '#core/dns/wire/frame-reader.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import type { ReplyListener } from '#core/dns/forwarder/upstream-message.js';
import type { StreamConnector } from '#core/dns/forwarder/stream-connector.js';
import { StreamPool, StreamQuery } from '#core/dns/forwarder/stream-pool.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anyCertificateByEnvironment } from '../../../support/any-certificate.js';
import { Authority, type Certificate } from '../../../support/certificates.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import {
  addressFor,
  FakeUpstream,
  replyTo,
  type UpstreamBehaviour,
  type UpstreamQuery,
} from '../../../support/dns-upstream.js';
import { requireTool } from '../../../support/require-tool.js';
import { TemporaryFolder } from '../../../support/temporary-folder.js';

/** A signal of its own for each query: each forwarder listens to a signal for as long as it lives. */
const never = (): AbortSignal => new AbortController().signal;
const answerTo = (query: UpstreamQuery): Uint8Array => replyTo(query, addressFor(query, '192.0.2.1'));
const good: UpstreamBehaviour = (query) => [answerTo(query)];

describe('an upstream that is asked over connections', () => {
  const clock = new ManualClock();
  const servers: FakeUpstream[] = [];
  const forwarders: Forwarder[] = [];

  afterEach(async () => {
    for (const forwarder of forwarders.splice(0)) forwarder.close();
    assert.equal(clock.pending, 0, 'a closed forwarder leaves no timer');
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
  });

  const upstream = async (behaviour: UpstreamBehaviour, certificate?: Certificate): Promise<FakeUpstream> => {
    const server = await FakeUpstream.start(behaviour, certificate);
    servers.push(server);
    return server;
  };
  const forwarderTo = (
    upstreamSettings: UpstreamSettings,
    forwardCertificates?: string,
    logger = new DnsLog(),
  ): Forwarder => {
    const settings = dnsSettings({
      forwarders: [upstreamSettings],
      limits: { ...dnsSettings().limits, forwardedQueries: 1_000 },
      ...(forwardCertificates !== undefined && { forwardCertificates }),
    });
    const forwarder = new Forwarder(settings, { clock, logger, listening: () => [] });
    forwarders.push(forwarder);
    return forwarder;
  };
  const ask = async (forwarder: Forwarder, name = 'a.test'): Promise<string | undefined> => {
    const answer = await forwarder.resolve(aQuery(name), never());
    assert.ok(answer && 'message' in answer);
    const [record] = decodeReply(answer.message).answers ?? [];
    return record?.type === 'A' ? record.name : undefined;
  };
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}.test`);
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };

  describe('by TCP', () => {
    const byTcp = (server: FakeUpstream): UpstreamSettings => ({ ...server.endpoint, transport: 'tcp' });

    it('is asked by no other way, over one connection', async () => {
      const server = await upstream(good);
      const forwarder = forwarderTo(byTcp(server));
      assert.deepEqual(await Promise.all(names(50).map((name) => ask(forwarder, name))), names(50));
      assert.equal(await ask(forwarder), 'a.test');
      assert.equal(server.connections, 1);
      assert.ok(server.queries.every(({ transport }) => transport === 'tcp'));
      assert.equal(new Set(server.queries.slice(0, 50).map(({ decoded }) => decoded.id)).size, 50);
    });

    it('may answer in any order', async () => {
      const held: UpstreamQuery[] = [];
      const server = await upstream((query) => (held.push(query) < 20 ? [] : held.toReversed().map(answerTo)));
      const forwarder = forwarderTo(byTcp(server));
      assert.deepEqual(await Promise.all(names(20).map((name) => ask(forwarder, name))), names(20));
    });

    it('gets further connections when one is full', async () => {
      const held: UpstreamQuery[] = [];
      const server = await upstream((query) => {
        if (held.push(query) === 300) for (const each of held) each.connection?.write(frame(answerTo(each)));
        return [];
      });
      const forwarder = forwarderTo(byTcp(server));
      await Promise.all(names(300).map((name) => ask(forwarder, name)));
      assert.equal(server.connections, 2);
    });

    it('may close the connection after each answer', async () => {
      const server = await upstream((query) => {
        query.connection?.end(frame(answerTo(query)));
        return [];
      });
      const forwarder = forwarderTo(byTcp(server));
      for (const name of names(5)) assert.equal(await ask(forwarder, name), name);
      assert.deepEqual(await Promise.all(names(3).map((name) => ask(forwarder, name))), names(3));
    });

    it('is asked once again when the connection ends before the answer, be it in the middle of it', async () => {
      const server = await upstream((query) => {
        if (server.queries.length > 1) return good(query, server);
        query.connection?.end(frame(answerTo(query)).subarray(0, 20));
        return [];
      });
      assert.equal(await ask(forwarderTo(byTcp(server))), 'a.test');
      assert.equal(server.connections, 2);
    });

    it('is given up when that goes on', async () => {
      const server = await upstream((query) => {
        query.connection?.destroy();
        return [];
      });
      await assert.rejects(
        ask(forwarderTo(byTcp(server))),
        /tcp:\/\/127\.0\.0\.1:\d+: (the connection was closed|.*ECONNRESET)/,
      );
      assert.equal(server.connections, 2);
    });

    it('keeps the connection for ten seconds after the last answer', async () => {
      const server = await upstream(good);
      const forwarder = forwarderTo(byTcp(server));
      await ask(forwarder);
      await clock.advance(9_000);
      await ask(forwarder);
      await clock.advance(9_999);
      await ask(forwarder);
      assert.equal(server.connections, 1);
      await clock.advance(10_000);
      await ask(forwarder);
      assert.equal(server.connections, 2);
    });

    it('is asked by another connection after half the time, where one has said nothing at all', async () => {
      const server = await upstream((query) => (server.queries.length > 1 ? good(query, server) : []));
      const answer = ask(forwarderTo(byTcp(server)));
      await until(() => server.queries.length === 1);
      await clock.advance(1_000);
      assert.equal(await answer, 'a.test');
      assert.equal(server.connections, 2);
    });

    it('is asked without EDNS after half the time, where nothing is known of it', async () => {
      const server = await upstream((query) => (query.decoded.additionals?.length === 0 ? good(query, server) : []));
      const log = new DnsLog();
      const forwarder = forwarderTo(byTcp(server), undefined, log);
      const answer = ask(forwarder);
      await until(() => server.queries.length === 1);
      await clock.advance(1_000);
      assert.equal(await answer, 'a.test');
      // Then it is asked for something else in both ways.
      while (!log.at('debug').join().includes('knows no EDNS')) {
        await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(50);
      }
      assert.equal(await ask(forwarder), 'a.test', 'from then on at once');
    });

    it('is left after a time-out in which it has said nothing at all', async () => {
      let isMute = true;
      const server = await upstream((query) => (isMute ? [] : good(query, server)));
      const forwarder = forwarderTo(byTcp(server));
      const failing = assert.rejects(ask(forwarder), /no answer within 2 s/);
      await until(() => server.queries.length === 1);
      await clock.advance(1_000);
      // After half the time the same is sent by another connection, and once more without EDNS.
      await until(() => server.queries.length >= 3);
      await clock.advance(1_000);
      await failing;
      isMute = false;
      assert.equal(await ask(forwarder), 'a.test');
      assert.notEqual(server.queries.at(-1)?.connection, server.queries[0]?.connection);
    });

    it('keeps the connection on which one query has no answer and others have', async () => {
      const server = await upstream((query) =>
        query.decoded.questions?.[0]?.name === 'mute.test' ? [] : good(query, server),
      );
      const forwarder = forwarderTo(byTcp(server));
      const failing = assert.rejects(ask(forwarder, 'mute.test'), /no answer within 2 s/);
      await until(() => server.queries.length === 1);
      await clock.advance(500);
      assert.equal(await ask(forwarder), 'a.test');
      const waiting = ask(forwarder, 'b.test');
      await clock.advance(1_500);
      await failing;
      assert.equal(await waiting, 'b.test');
      assert.equal(await ask(forwarder), 'a.test');
      assert.equal(server.connections, 1);
    });

    it('is given up where all of eight connections are full', async () => {
      const server = await upstream(() => []);
      const settings = dnsSettings({
        forwarders: [byTcp(server)],
        limits: { ...dnsSettings().limits, forwardedQueries: 3_000 },
      });
      const forwarder = new Forwarder(settings, { clock, logger: new DnsLog(), listening: () => [] });
      forwarders.push(forwarder);
      const waiting = Array.from({ length: 8 * 256 }, (_, index) =>
        assert.rejects(ask(forwarder, `n${index}.test`), { code: 'JITSU_SHUTTING_DOWN' }),
      );
      await assert.rejects(ask(forwarder), /too many queries wait on its connections/);
      await until(() => server.queries.length === 8 * 256);
      assert.equal(server.connections, 8);
      forwarder.close();
      await Promise.all(waiting);
    });

    it('is passed over what is no answer', async () => {
      const server = await upstream((query) => {
        const wrongId = Buffer.from(answerTo(query));
        wrongId.writeUInt16BE(wrongId.readUInt16BE(0) ^ 1, 0);
        return [wrongId, Buffer.alloc(0), query.bytes, Buffer.from('junk'), answerTo(query)];
      });
      assert.equal(await ask(forwarderTo(byTcp(server))), 'a.test');
    });

    it('gets over the same connection what was cut over UDP', async () => {
      const server = await upstream((query) =>
        query.transport === 'tcp' ? good(query, server) : [replyTo(query, { flags: 0x0200 })],
      );
      const forwarder = forwarderTo(server.endpoint);
      for (const name of names(5)) assert.equal(await ask(forwarder, name), name);
      assert.equal(server.connections, 1);
    });
  });

  describe('by TLS', () => {
    let authority: Authority;
    let named: Certificate;
    let numbered: Certificate;
    let expired: Certificate;

    before(function () {
      this.timeout(20_000);
      authority = new Authority(requireTool(this, 'openssl'));
      named = authority.issue('DNS:dns.example.org');
      numbered = authority.issue('IP:127.0.0.1');
      expired = authority.issue('IP:127.0.0.1', -1);
    });

    after(() => authority?.[Symbol.dispose]());

    const byTls = (server: FakeUpstream, name?: string): UpstreamSettings => ({
      ...server.endpoint,
      transport: 'tls',
      ...(name !== undefined && { name }),
    });
    const opened = async (
      settings: UpstreamSettings,
      trusted: string | undefined = authority.file,
    ): Promise<Forwarder> => {
      const forwarder = forwarderTo(settings, trusted);
      await forwarder.open();
      return forwarder;
    };

    it('is asked over one connection if its certificate has the name', async () => {
      const server = await upstream(good, named);
      const forwarder = await opened(byTls(server, 'dns.example.org'));
      assert.deepEqual(await Promise.all(names(20).map((name) => ask(forwarder, name))), names(20));
      assert.equal(server.connections, 1);
    });

    it('is asked if its certificate has the address, where no name is told', async () => {
      const server = await upstream(good, numbered);
      assert.equal(await ask(await opened(byTls(server))), 'a.test');
    });

    it('is trusted by a file that begins with a byte order mark', async () => {
      using folder = new TemporaryFolder();
      writeFileSync(folder.in('marked.pem'), `\uFEFF${readFileSync(authority.file, 'utf8')}`);
      const server = await upstream(good, numbered);
      assert.equal(await ask(await opened(byTls(server), folder.in('marked.pem'))), 'a.test');
    });

    it('takes up its session again', async () => {
      const server = await upstream(good, numbered);
      const forwarder = await opened(byTls(server));
      await ask(forwarder);
      await clock.advance(10_000);
      await ask(forwarder);
      assert.deepEqual([server.connections, server.resumed], [2, 1]);
    });

    for (const [title, certificate, name, reason] of [
      ['another name', () => named, 'other.example.org', /TLS failed: .*other\.example\.org/],
      ['a name but not the address', () => named, undefined, /TLS failed: .*127\.0\.0\.1/],
      ['the address but not the name', () => numbered, 'dns.example.org', /TLS failed: .*dns\.example\.org/],
      ['a date that is past', () => expired, undefined, /TLS failed: certificate has expired/],
    ] as const) {
      it(`is told nothing if its certificate has ${title}`, async () => {
        const server = await upstream(good, certificate());
        await assert.rejects(ask(await opened(byTls(server, name))), {
          code: 'JITSU_FORWARD_FAILED',
          message: reason,
        });
        assert.equal(server.queries.length, 0);
      });
    }

    it('is told nothing if nobody who is trusted vouches for it', async () => {
      using stranger = new Authority('openssl');
      const server = await upstream(good, numbered);
      await assert.rejects(ask(await opened(byTls(server), stranger.file)), /TLS failed: /);
      await assert.rejects(ask(forwarderTo(byTls(server))), /TLS failed: /);
      assert.equal(server.queries.length, 0);
    });

    it('is told nothing without a valid certificate, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
      const server = await upstream(good, named);
      using _environment = anyCertificateByEnvironment();
      await assert.rejects(ask(forwarderTo(byTls(server, 'dns.example.org'))), /TLS failed: /);
      await assert.rejects(ask(await opened(byTls(server, 'other.example.org'))), /TLS failed: /);
      assert.equal(server.queries.length, 0);
    });

    it('that cannot be reached is no failure of TLS', async () => {
      const server = await upstream(good, numbered);
      await server.refuseConnections();
      await assert.rejects(ask(await opened(byTls(server))), ({ message }: Error) => {
        assert.match(message, /ECONNREFUSED/);
        assert.doesNotMatch(message, /TLS failed/);
        return true;
      });
    });

    it('is told nothing if it speaks no TLS', async () => {
      const server = await upstream(good);
      const forwarder = await opened(byTls(server));
      const failing = assert.rejects(ask(forwarder), /no answer within|TLS failed/);
      await until(() => server.connections === 1);
      await clock.advance(2_000);
      await failing;
      assert.ok(server.queries.every(({ decoded }) => decoded.questions?.[0]?.name !== 'a.test'));
    });

    it('cannot be used without the authorities that are named', async () => {
      const server = await upstream(good, numbered);
      await assert.rejects(opened(byTls(server), '/nowhere/authorities.pem'), {
        code: 'JITSU_CONFIG_UNREADABLE',
        message: /forwardCertificates.*ENOENT/,
      });
      using folder = new TemporaryFolder();
      writeFileSync(folder.in('empty.pem'), 'nothing\n');
      await assert.rejects(opened(byTls(server), folder.in('empty.pem')), /there is no certificate in/);
    });
  });
});

/** The end of a connection that a test holds in its hands. */
class FakeSocket extends Duplex {
  readonly frames = new FrameReader();
  readonly queries: Uint8Array[] = [];

  noDelay = false;

  setNoDelay(noDelay: boolean): void {
    this.noDelay = noDelay;
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.queries.push(...this.frames.push(chunk));
    done();
  }

  /** The other end has answered so, with the id of a query. */
  answer(query: Uint8Array | undefined, length = 12): void {
    assert.ok(query);
    this.push(frame(Uint8Array.of(query[0] as number, query[1] as number, ...new Uint8Array(length - 2))));
  }
}

class FakeListener implements ReplyListener {
  readonly events: string[] = [];

  onMessage(message: Uint8Array): void {
    this.events.push(`${message.length} bytes`);
  }

  onForeignMessage(): never {
    assert.fail('there are none on a connection');
  }

  onLost(reason: Error): void {
    this.events.push(reason.message);
  }
}

describe('the connections to one upstream', () => {
  let clock: ManualClock;
  let sockets: FakeSocket[];
  let pool: StreamPool;

  beforeEach(() => {
    [clock, sockets] = [new ManualClock(), []];
    const connect = (): Socket => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as Socket;
    };
    const connector: StreamConnector = {
      connect,
      readyEvent: 'connect',
      explain: ({ message }) => new Error(`so: ${message}`),
    };
    pool = new StreamPool(connector, { clock, random: new RandomSource() });
  });

  afterEach(() => {
    pool.close(new Error('the test is over'));
    assert.equal(clock.pending, 0);
  });

  const rounds = async (): Promise<void> => {
    for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  const send = () => {
    const listener = new FakeListener();
    const query = new StreamQuery(new Uint8Array(20), listener);
    pool.send(query);
    return { query, events: listener.events };
  };
  const now = (): number => clock.now();

  it('send nothing before they are ready, and then all at once', async () => {
    send();
    assert.equal(sockets[0]?.noDelay, true);
    send();
    await rounds();
    assert.deepEqual(
      sockets.map(({ queries }) => queries.length),
      [0],
    );
    sockets[0]?.emit('connect');
    await rounds();
    assert.deepEqual(
      sockets.map(({ queries }) => queries.length),
      [2],
    );
  });

  it('take what they hear to the query whose id it has, unless it is too short for a message', async () => {
    const { events, query } = send();
    sockets[0]?.emit('connect');
    await rounds();
    const [asked] = sockets[0]?.queries ?? [];
    sockets[0]?.answer(asked, 11);
    sockets[0]?.answer(asked, 12);
    await rounds();
    assert.deepEqual(events, ['12 bytes']);
    query.abandon();
    sockets[0]?.answer(asked, 13);
    await rounds();
    assert.deepEqual(events, ['12 bytes']);
  });

  it('fail what waits there when they cannot be made, for that reason', async () => {
    const { events } = send();
    sockets[0]?.destroy(new Error('refused'));
    await rounds();
    assert.deepEqual([events, sockets.length], [['so: refused'], 1]);
  });

  it('are left for another when nothing has come since a query that waited in vain, ready or not', async () => {
    const start = now();
    const [vain, other] = [send(), send()];
    await clock.advance(2_000);
    vain.query.abandon();
    pool.closeSilent(start);
    assert.equal(sockets.length, 2);
    sockets[1]?.emit('connect');
    await rounds();
    assert.deepEqual([sockets[1]?.queries.length, vain.events, other.events], [1, [], []]);
  });

  it('are kept where something has come since, be it that they became ready', async () => {
    const start = now();
    const [vain, other] = [send(), send()];
    await clock.advance(1_000);
    sockets[0]?.emit('connect');
    await clock.advance(1_000);
    vain.query.abandon();
    pool.closeSilent(start);
    assert.deepEqual([sockets.length, sockets[0]?.destroyed, other.events], [1, false, []]);
  });

  it('tell nothing to a query that is abandoned because of another, and send it no more', async () => {
    for (const isReady of [false, true]) {
      const [first, second] = [send(), send()];
      const socket = sockets.at(-1);
      const { length } = sockets;
      if (isReady) {
        socket?.emit('connect');
        // The first has been lost too often, and the second is given up with it.
        first.query.losses = 8;
      }
      first.query.listener.onLost = () => second.query.abandon();
      socket?.destroy();
      await rounds();
      assert.deepEqual([second.events, sockets.length], [[], length]);
    }
  });

  it('stay open while a query waits, and for ten seconds after the last', async () => {
    const first = send();
    sockets[0]?.emit('connect');
    first.query.abandon();
    await clock.advance(9_999);
    const second = send();
    await clock.advance(9_999);
    assert.equal(sockets[0]?.destroyed, false);
    second.query.abandon();
    await clock.advance(9_999);
    assert.equal(sockets[0].destroyed, false);
    await clock.advance(1);
    assert.equal(sockets[0].destroyed, true);
    send();
    assert.equal(sockets.length, 2);
  });

  it('fail all that waits when they are closed, and all that comes after', () => {
    const before = send();
    pool.close(new Error('closing'));
    const after = send();
    assert.deepEqual([before.events, after.events], [['closing'], ['closing']]);
    assert.equal(sockets.length, 1);
  });

  it('are tried eight times for one query, as long as each brings an answer to another', async () => {
    const { events } = send();
    for (let round = 0; round < 8; round++) {
      const socket = sockets[round];
      assert.ok(socket, `connection ${round}`);
      const other = send();
      socket.emit('connect');
      await rounds();
      socket.answer(socket.queries[1]);
      await rounds();
      other.query.abandon();
      socket.destroy();
      await rounds();
    }
    assert.deepEqual([events, sockets.length], [['the connection was closed without an answer'], 8]);
  });

  it('fail by what went wrong first', () => {
    const { events } = send();
    sockets[0]?.emit('error', new Error('refused'));
    sockets[0]?.emit('error', new Error('later'));
    pool.close(new Error('closing'));
    assert.deepEqual(events, ['so: refused']);
  });

  it('send what is asked in one turn by one write', async () => {
    send();
    const [socket] = sockets as [FakeSocket];
    socket.emit('connect');
    await rounds();
    const writes: number[] = [];
    socket._writev = (chunks, done) => {
      writes.push(chunks.length);
      for (const { chunk } of chunks) socket.queries.push(...socket.frames.push(chunk as Uint8Array));
      done();
    };
    for (let count = 0; count < 3; count++) send();
    assert.equal(socket.writableCorked, 1);
    await rounds();
    assert.deepEqual([writes, socket.queries.length, socket.writableCorked], [[3], 4, 0]);
  });

  it('never have two queries with one id on one of them, and send each its own', async () => {
    const random = Reflect.get(pool, 'context') as { random: RandomSource };
    const ids = [0x1234, 0x1234, 0xabcd];
    random.random = { uint16: () => ids.shift() } as unknown as RandomSource;
    const [first, second] = [send(), send()];
    sockets[0]?.emit('connect');
    await rounds();
    assert.deepEqual(
      sockets[0]?.queries.map((query) => [...query.subarray(0, 3)]),
      [
        [0x12, 0x34, 0],
        [0xab, 0xcd, 0],
      ],
    );
    sockets[0]?.answer(sockets[0]?.queries[1]);
    await rounds();
    assert.deepEqual([first.events, second.events], [[], ['12 bytes']]);
  });

  it('are eight at most, each with 256 queries, and take another when one has room again', () => {
    const all = Array.from({ length: 8 * 256 }, () => send());
    assert.equal(sockets.length, 8);
    const tooMuch = send();
    assert.deepEqual(tooMuch.events, ['too many queries wait on its connections']);
    all[300]?.query.abandon();
    const more = send();
    assert.deepEqual([more.events, sockets.length], [[], 8]);
    assert.equal(more.query.connection, all[301]?.query.connection);
  });

  it('stay open for ten seconds after the last query, however often it was released', async () => {
    const { query } = send();
    sockets[0]?.emit('connect');
    query.abandon();
    await clock.advance(5_000);
    query.abandon();
    await clock.advance(5_000);
    assert.equal(sockets[0]?.destroyed, true);
    assert.equal(clock.pending, 0);
  });

  it('that bring nothing are tried twice for one query, and anew after one that does', async () => {
    const { events } = send();
    for (const brings of [false, true, false]) {
      const socket = sockets.at(-1) as FakeSocket;
      const other = brings ? send() : undefined;
      socket.emit('connect');
      await rounds();
      if (other !== undefined) {
        socket.answer(socket.queries[1]);
        await rounds();
        other.query.abandon();
      }
      socket.destroy();
      await rounds();
      assert.deepEqual(events, []);
    }
    sockets.at(-1)?.emit('connect');
    sockets.at(-1)?.destroy();
    await rounds();
    assert.deepEqual([events, sockets.length], [['the connection was closed without an answer'], 4]);
  });
});
