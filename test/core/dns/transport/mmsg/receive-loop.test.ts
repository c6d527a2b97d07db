import { ErrorAllowance } from '#core/dns/admission/error-allowance.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { DnsSettings } from '#core/config/settings.js';
import { SILENCE } from '#core/dns/packet-cache/packet-reader.js';
import { QueryHandler } from '#core/dns/query-handler.js';
import { DatagramSocket } from '#core/dns/transport/mmsg/datagram-socket.js';
import { RingReader, createQueryRing, RingWriter } from '#core/dns/transport/mmsg/query-ring.js';
import { ReceiveLoop, writeOverloadAnswer, type ReceiveLoopOptions } from '#core/dns/transport/mmsg/receive-loop.js';
import { senderOf } from '#core/net/socket-address.js';
import { loadSocketCalls, type SocketCalls } from '#core/net/socket-calls.js';
import { createThreadState, ThreadState } from '#core/dns/transport/mmsg/thread-state.js';
import { anAccessControl, anAdmission } from '../../../../support/dns-admission.js';
import { cookieOfKind, queryWithCookie } from '../../../../support/dns-cookie.js';
import { DnsLog } from '../../../../support/dns-log.js';
import { decodeReply, queryBytes } from '../../../../support/dns-message.js';
import { aQuery, udpClient } from '../../../../support/dns-query.js';
import { dnsSettings } from '../../../../support/dns-settings.js';
import { requireRoot } from '../../../../support/require-tool.js';
import { requireMmsg } from '../../../../support/udp-transports.js';

/** No response at once is whole: a burst is none. */
const ALWAYS_CUT = { perSecond: 0.1, slip: 1, exempt: [] };

describe('the loop that takes datagrams', () => {
  let calls: SocketCalls;

  before(async function () {
    requireMmsg(this);
    calls = await loadSocketCalls();
  });

  /** Lets the loop take, in this very thread, what one client sends, and gives what comes back to that client. */
  const take = async (
    messages: readonly Uint8Array[],
    options: Partial<ReceiveLoopOptions>,
    expected: number,
    from = 0,
  ) => {
    const [socket] = DatagramSocket.open(calls, { address: '127.0.0.1', port: 0 }, 1) as [DatagramSocket];
    const client = createSocket('udp4');
    try {
      const replies: Buffer[] = [];
      client.on('message', (reply) => replies.push(reply));
      // An address of its own, where a port is given.
      client.bind(from, from === 0 ? '127.0.0.1' : '127.0.0.19');
      await once(client, 'listening');
      for (const message of messages)
        await new Promise((resolve) => client.send(message, socket.port, '127.0.0.1', resolve));
      const state = options.state ?? createThreadState();
      const loop = new ReceiveLoop({
        ...{ calls, descriptor: socket.descriptor, kind: socket.kind, state, recursionAvailable: true },
        view: new QueryView(0),
        packets: { answer: () => 0 },
        admission: anAdmission(),
        errors: new ErrorAllowance(),
        now: () => {
          // This batch is its last.
          Atomics.store(state, ThreadState.Ending, 1);
          socket.endReceiving();
          return 0;
        },
        ring: new RingWriter(createQueryRing()),
        onQueries: () => {},
        onRefused: () => {},
        onUnsent: () => {},
        ...options,
      });
      loop.run();
      while (replies.length < expected) await once(client, 'message');
      return { replies, port: client.address().port };
    } finally {
      socket.close();
      client.close();
    }
  };

  it('hands over all that it cannot answer of a batch at once, and in its order', async () => {
    const ring = createQueryRing();
    let told = 0;
    const queries = [1, 2, 3, 4].map((id) => queryBytes(`${'x'.repeat(id)}.test`, { id }));
    const packets: ReceiveLoopOptions['packets'] = {
      answer: (_query, message, length, out) => {
        if (message[1] !== 2) return 0;
        out.set(message.subarray(0, length));
        return length;
      },
    };
    const onQueries = (): void => {
      told += 1;
    };
    const { replies, port } = await take(queries, { packets, ring: new RingWriter(ring), onQueries }, 1);
    assert.deepEqual(replies, [queries[1]]);
    assert.equal(told, 1);
    const reader = new RingReader(ring);
    for (const expected of [queries[0], queries[2], queries[3]]) {
      const { message, envelope = new Uint32Array() } = reader.take() ?? {};
      assert.deepEqual(Buffer.from(message ?? []), expected);
      assert.deepEqual(senderOf(envelope, calls), { address: '127.0.0.1', port });
    }
    assert.equal(reader.take(), undefined);
  });

  it('answers SERVFAIL by itself where too much is on its way to the main thread already', async () => {
    const handedOver: number[] = [];
    const ring: ReceiveLoopOptions['ring'] = {
      add: (_batch, index) => index < 2 && handedOver.push(index) > 0,
      publish: () => false,
    };
    const queries = [1, 2, 3].map((id) => queryBytes('a.test', { id }));
    const { replies } = await take(queries, { ring, onQueries: () => assert.fail('told of what it knows') }, 1);
    assert.deepEqual(handedOver, [0, 1]);
    const reply = decodeReply(replies[0]);
    assert.deepEqual([reply.id, reply.rcode, reply.questions], [3, 'SERVFAIL', []]);
    assert.equal(replies[0]?.length, 12);
  });

  it('leaves unanswered what comes from the port of a service that answers whatever it gets', async function () {
    // To bind such a port.
    requireRoot(this);
    for (const [port, count] of [
      [19, 1],
      [7, 1],
      [20, 0],
    ] as const) {
      const state = createThreadState();
      const refused: unknown[] = [];
      const ring = new RingWriter(createQueryRing());
      const handedOver: number[] = [];
      const add: ReceiveLoopOptions['ring']['add'] = (_batch, index) => handedOver.push(index) > 0;
      const options = {
        ...{ state, ring: { add, publish: () => ring.publish() } },
        onRefused: (...[kind]: Parameters<ReceiveLoopOptions['onRefused']>) => refused.push(kind),
      };
      await take([queryBytes('a.test')], options, 0, port);
      assert.deepEqual([handedOver.length, state[ThreadState.Port]], [1 - count, count], `${port}`);
      assert.deepEqual(refused, count === 0 ? [] : ['port']);
    }
  });

  describe('where too much is on its way already', () => {
    const turnAway = async (dns: Partial<DnsSettings>, queries: readonly Uint8Array[], expected: number) => {
      const state = createThreadState();
      const ring = { add: () => false, publish: () => false };
      const refused: unknown[] = [];
      const onRefused: ReceiveLoopOptions['onRefused'] = (kind, envelope) =>
        refused.push(kind, senderOf(envelope, calls).address);
      const onQueries = (): void => assert.fail('handed over');
      const options = { state, ring, onRefused, onQueries, admission: anAccessControl(dns).admissionOf(udpClient) };
      const { replies } = await take(queries, options, expected);
      const { RateDropped, RateCut, Client } = ThreadState;
      return { replies, refused, counts: [RateDropped, RateCut, Client].map((word) => state[word]) };
    };
    const queries = [1, 2, 3, 4, 5, 6].map((id) => queryBytes('a.test', { id }));

    it('is silent to those who may not ask', async () => {
      const { replies, refused, counts } = await turnAway({ deny: ['127.0.0.0/8'] }, queries, 0);
      assert.deepEqual([replies, refused, counts], [[], ['client', '127.0.0.1'], [0, 0, 6]]);
    });

    it('answers plain queries, and no more than a hundred other messages a second', async () => {
      const errors = new ErrorAllowance();
      for (let count = 0; count < 97; count++) errors.take(0);
      const messages = [queryBytes('a.test'), ...Array.from({ length: 9 }, () => Buffer.alloc(30, 0x20))];
      const state = createThreadState();
      const ring = { add: () => false, publish: () => false };
      const { replies } = await take([...messages, queryBytes('b.test')], { state, errors, ring }, 5);
      assert.equal(replies.length, 5);
      assert.equal(state[ThreadState.Malformed], 6);
    });

    it('is silent to strangers by itself, whoever asks it', () => {
      const access = anAccessControl({ allow: ['192.0.2.0/24'] });
      const message = queryBytes('a.test');
      const out = new Uint8Array(1_024);
      const answer = (address: Uint8Array): number => {
        const asker = access.admissionOf(udpClient);
        asker.begin(address, true);
        const query = new QueryView(0);
        assert.ok(query.read(message, message.length));
        return writeOverloadAnswer(query, message, out, asker, false, 0);
      };
      assert.equal(answer(Uint8Array.of(198, 51, 100, 1)), SILENCE);
      assert.equal(answer(Uint8Array.of(192, 0, 2, 1)), 12);
    });

    it('is silent to responses and to what is shorter than a header', async () => {
      const response = Buffer.from(queries[0] as Uint8Array);
      response.writeUInt8(0x81, 2);
      const { replies } = await turnAway(
        {},
        [response, queryBytes('a.test').subarray(0, 11), queries[1] as Uint8Array],
        1,
      );
      assert.deepEqual(
        replies.map((reply) => decodeReply(reply).id),
        [2],
      );
    });

    it('keeps to the limit for sources that may be forged, and tells of what it leaves out and cuts once', async () => {
      const dns = { rateLimit: { perSecond: 2, slip: 2, exempt: [] }, forwarders: 'system' } as const;
      const { replies, refused, counts } = await turnAway(dns, queries, 4);
      assert.deepEqual(
        replies.map((reply) => [decodeReply(reply).rcode, decodeReply(reply).flag_tc]),
        [
          ...[['SERVFAIL', false] as const, ['SERVFAIL', false] as const],
          ...[['NOERROR', true] as const, ['NOERROR', true] as const],
        ],
      );
      const { client } = aQuery('a.test');
      const slow = new QueryHandler(dnsSettings(dns), [], {
        ...{
          access: anAccessControl({ ...dns, rateLimit: ALWAYS_CUT }),
          clock: new ManualClock(),
          logger: new DnsLog(),
        },
      });
      assert.deepEqual(replies.at(-1), Buffer.from((await slow.handle(queries.at(-1) as Uint8Array, client)) ?? []));
      assert.deepEqual(refused, ['rateDropped', '127.0.0.1', 'rateCut', '127.0.0.1']);
      assert.deepEqual(counts, [2, 2, 0]);
    });

    it('does not limit who shows by a cookie that it is no forgery, and leaves unanswered what is not plain', async () => {
      const access = anAccessControl({ rateLimit: ALWAYS_CUT });
      const { cookieSecret } = access.shared;
      const local = Uint8Array.of(127, 0, 0, 1);
      const proven = cookieOfKind('fresh', cookieSecret, local, 0) as Uint8Array;
      const forged = cookieOfKind('forged', cookieSecret, local, 0) as Uint8Array;
      const query = new QueryView(0);
      const out = new Uint8Array(1_024);
      const asker = access.admissionOf(udpClient);
      const answer = (message: Uint8Array): number => {
        asker.begin(local, true);
        const isPlain = query.read(message, message.length);
        return writeOverloadAnswer(isPlain ? query : undefined, message, out, asker, false, 0);
      };
      assert.ok(answer(queryWithCookie('a.test', forged)) > 12);
      assert.equal(asker.rateVerdict, 'slip');
      assert.equal(answer(queryWithCookie('a.test', proven)), 12);
      assert.equal(answer(queryBytes('a.test').subarray(0, 20)), SILENCE);
    });
  });

  it('gives up on a socket that cannot be used', () => {
    const state = createThreadState();
    const options = { calls, descriptor: 1_000_000, kind: { family: 4, tellsDestination: false }, state } as const;
    const unused = {
      now: () => 0,
      ring: { add: () => false, publish: () => false },
      onQueries: () => {},
      onRefused: () => {},
      onUnsent: () => {},
      admission: anAdmission(),
      errors: new ErrorAllowance(),
    } as const;
    const loop = new ReceiveLoop({
      ...options,
      ...unused,
      view: new QueryView(0),
      packets: { answer: () => 0 },
      recursionAvailable: false,
    });
    assert.throws(() => loop.run(), /cannot be received: EBADF/);
  });

  describe('by calls that are scripted', () => {
    /** Runs the loop with what each call to receive returns: a count, or the code of an error. */
    const run = (script: readonly (number | string)[], options: Partial<ReceiveLoopOptions> = {}) => {
      const state = options.state ?? createThreadState();
      const memories: Uint8Array[] = [];
      const received: unknown[][] = [];
      const sent: unknown[][] = [];
      let code = '';
      const header = (word: number): number => new Uint32Array((memories[0] as Uint8Array).buffer)[word] as number;
      const scripted = {
        addressOf: (memory: Uint8Array) => BigInt(memories.push(memory)),
        recvmmsg: (...parameters: unknown[]) => {
          // What the kernel is told of the first: the room for its sender and for its control message.
          received.push([...parameters, header(2), header(10)]);
          const next = script[received.length - 1];
          if (next === undefined) Atomics.store(state, ThreadState.Ending, 1);
          if (typeof next === 'string') return ((code = next), -1);
          // The kernel writes the lengths of what it has found.
          const words = new Uint32Array((memories[0] as Uint8Array).buffer);
          for (let index = 0; index < (next ?? 0); index++) [words[index * 16 + 2], words[index * 16 + 10]] = [3, 4];
          return next ?? 0;
        },
        sendmmsg: (...parameters: unknown[]) => {
          sent.push(parameters);
          return -1;
        },
        errorCode: () => (sent.length > 0 ? 'EPERM' : code),
      };
      const loop = new ReceiveLoop({
        ...{ calls: scripted as unknown as SocketCalls, descriptor: 5, state, recursionAvailable: true },
        kind: { family: 4, tellsDestination: true },
        view: new QueryView(0),
        packets: { answer: () => 0 },
        admission: anAdmission(),
        errors: new ErrorAllowance(),
        now: () => 0,
        ring: { add: () => false, publish: () => false },
        onQueries: () => {},
        onRefused: () => {},
        onUnsent: () => {},
        ...options,
      });
      return { loop, received, sent, state };
    };

    it('waits for the first datagram and takes 64 at most, each with room for its addresses', () => {
      const { loop, received } = run([1, 64]);
      loop.run();
      assert.deepEqual(received, Array(3).fill([5, 1n, 64, 0x10000, null, 16, 32]));
    });

    it('gives up after 100 failures in a row, and not after 99 and a success', () => {
      const failures = (count: number): string[] => Array<string>(count).fill('ENOMEM');
      assert.throws(() => run(failures(100)).loop.run(), /datagrams cannot be received: ENOMEM/);
      const { loop, received } = run([...failures(99), 0, ...failures(99)]);
      loop.run();
      assert.equal(received.length, 200);
    });

    it('is not told of any failure by signals, however many', () => {
      const { loop, received } = run(Array<string>(150).fill('EINTR'));
      loop.run();
      assert.equal(received.length, 151);
    });

    it('takes what has come by then, and nothing more, once it is to end', () => {
      const state = createThreadState();
      Atomics.store(state, ThreadState.Ending, 1);
      let taken = 0;
      const { loop, received } = run([1, 1], { state, now: () => (taken += 1) });
      loop.run();
      assert.deepEqual([received.length, taken], [1, 1]);
    });

    /** Lets the loop find this message, from this port. */
    const runWith = (message: Uint8Array, port: number, options: Partial<ReceiveLoopOptions> = {}) => {
      const running = run([1, 1], options);
      const batch = Reflect.get(running.loop, 'received') as { payloads: Uint8Array[]; words: Uint32Array };
      batch.payloads[0]?.set(message);
      const { words } = batch;
      words[14] = message.length;
      const envelopeAt = (64 * 64 + 64 * 16) / 4;
      words[envelopeAt] = ((port & 0xff) << 24) | ((port >> 8) << 16) | 2;
      running.loop.run();
      return running;
    };

    it('passes over what comes from port 0, is a response or is shorter than a header', () => {
      const query = queryBytes('a.test');
      const response = Uint8Array.from(query);
      response[2] = 0x80;
      const packets = { answer: () => assert.fail('looked for') };
      const ring = { add: () => assert.fail('handed over'), publish: () => false };
      runWith(query, 0, { packets, ring });
      runWith(response, 53, { packets, ring });
      runWith(query.subarray(0, 11), 53, { packets, ring });
      let added = 0;
      runWith(query.subarray(0, 12), 53, { ring: { add: () => (added += 1) > 0, publish: () => false } });
      assert.equal(added, 2);
    });

    it('tells of replies that cannot be sent once, until their count is taken over', () => {
      const codes: string[] = [];
      const { sent, state } = runWith(queryBytes('a.test'), 53, { onUnsent: (code) => codes.push(code) });
      assert.deepEqual(sent, Array(2).fill([5, 2n, 1, 0]));
      assert.deepEqual([codes, state[ThreadState.Unsent]], [['EPERM'], 2]);
    });

    it('leaves unanswered what is not plain where a reply would have to be cut', () => {
      const refused: string[] = [];
      const { sent } = runWith(queryBytes('a.test').subarray(0, 20), 53, {
        admission: anAccessControl({ rateLimit: ALWAYS_CUT }).admissionOf(udpClient),
        onRefused: (kind) => refused.push(kind),
      });
      assert.deepEqual([sent, refused], [[], ['rateDropped']]);
    });

    it('sends nothing where it has no reply, and tells of no queries where the main thread is awake', () => {
      const ring = { add: () => true, publish: () => false };
      const { sent } = runWith(queryBytes('a.test'), 53, { ring, onQueries: () => assert.fail('told') });
      assert.deepEqual(sent, []);
      const nothing = { add: () => false, publish: () => assert.fail('nothing was added') };
      runWith(queryBytes('a.test'), 53, { ring: nothing });
    });
  });
});
