import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { DatagramSocket } from '#core/dns/transport/mmsg/datagram-socket.js';
import { MissReader } from '#core/dns/transport/mmsg/miss-reader.js';
import { createMissRing } from '#core/dns/transport/mmsg/miss-ring.js';
import { MissWriter } from '#core/dns/transport/mmsg/miss-writer.js';
import { ReceiveLoop, type ReceiveLoopOptions } from '#core/dns/transport/mmsg/receive-loop.js';
import { clientOf } from '#core/dns/transport/mmsg/socket-address.js';
import { loadSocketCalls, type SocketCalls } from '#core/dns/transport/mmsg/socket-calls.js';
import { createThreadState, ThreadState } from '#core/dns/transport/mmsg/thread-state.js';
import { decodeReply, queryBytes } from '../../../../support/dns-message.js';
import { requireMmsg } from '../../../../support/udp-transports.js';

describe('the loop that takes datagrams', () => {
  let calls: SocketCalls;

  before(async function () {
    requireMmsg(this);
    calls = await loadSocketCalls();
  });

  /** Lets the loop take, in this very thread, what one client sends, and gives what comes back to that client. */
  const take = async (messages: readonly Uint8Array[], options: Partial<ReceiveLoopOptions>, expected: number) => {
    const [socket] = DatagramSocket.open(calls, { address: '127.0.0.1', port: 0 }, 1) as [DatagramSocket];
    const client = createSocket('udp4');
    try {
      const replies: Buffer[] = [];
      client.on('message', (reply) => replies.push(reply));
      client.bind(0, '127.0.0.1');
      await once(client, 'listening');
      for (const message of messages)
        await new Promise((resolve) => client.send(message, socket.port, '127.0.0.1', resolve));
      const state = options.state ?? createThreadState();
      const loop = new ReceiveLoop({
        ...{ calls, descriptor: socket.descriptor, kind: socket.kind, state, recursionAvailable: true },
        hot: { answer: () => 0 },
        admission: { of: () => 'counted' },
        now: () => {
          // This batch is its last.
          Atomics.store(state, ThreadState.Ending, 1);
          socket.endReceiving();
          return 0;
        },
        misses: new MissWriter(createMissRing()),
        onMisses: () => {},
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
    const ring = createMissRing();
    let told = 0;
    const queries = [1, 2, 3, 4].map((id) => queryBytes(`${'x'.repeat(id)}.test`, { id }));
    const hot: ReceiveLoopOptions['hot'] = {
      answer: (message, length, out) => {
        if (message[1] !== 2) return 0;
        out.set(message.subarray(0, length));
        return length;
      },
    };
    const onMisses = (): void => {
      told += 1;
    };
    const { replies, port } = await take(queries, { hot, misses: new MissWriter(ring), onMisses }, 1);
    assert.deepEqual(replies, [queries[1]]);
    assert.equal(told, 1);
    const reader = new MissReader(ring);
    for (const expected of [queries[0], queries[2], queries[3]]) {
      const { message, envelope = new Uint32Array() } = reader.take() ?? {};
      assert.deepEqual(message, expected);
      assert.deepEqual(clientOf(envelope, calls), { address: '127.0.0.1', port, transport: 'udp' });
    }
    assert.equal(reader.take(), undefined);
  });

  it('answers SERVFAIL by itself where too much is on its way to the main thread already', async () => {
    const handedOver: number[] = [];
    const misses: ReceiveLoopOptions['misses'] = {
      add: (_batch, index) => index < 2 && handedOver.push(index) > 0,
      publish: () => false,
    };
    const queries = [1, 2, 3].map((id) => queryBytes('a.test', { id }));
    const { replies } = await take(queries, { misses, onMisses: () => assert.fail('told of what it knows') }, 1);
    assert.deepEqual(handedOver, [0, 1]);
    const reply = decodeReply(replies[0]);
    assert.deepEqual([reply.id, reply.rcode, reply.questions], [3, 'SERVFAIL', []]);
    assert.equal(replies[0]?.length, 12);
  });

  it('lets only those have hot answers who may, and tells which of them count as a use', async () => {
    const asked: unknown[] = [];
    const hot = {
      answer: (_message: unknown, _length: number, _out: unknown, ...how: unknown[]) => asked.push(how) * 0,
    };
    const seen: string[] = [];
    for (const admitted of ['none', 'given', 'counted'] as const) {
      const of = (address: Uint8Array): typeof admitted => {
        seen.push(address.join('.'));
        return admitted;
      };
      await take([queryBytes('a.test')], { hot, admission: { of } }, 0);
    }
    assert.deepEqual(seen, ['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    assert.deepEqual(asked, [
      [true, false, 0],
      [true, true, 0],
    ]);
  });

  it('gives up on a socket that cannot be used', () => {
    const state = createThreadState();
    const options = { calls, descriptor: 1_000_000, kind: { family: 4, tellsDestination: false }, state } as const;
    const unused = {
      now: () => 0,
      misses: { add: () => false, publish: () => false },
      onMisses: () => {},
      onUnsent: () => {},
      admission: { of: () => 'none' as const },
    } as const;
    const loop = new ReceiveLoop({ ...options, ...unused, hot: { answer: () => 0 }, recursionAvailable: false });
    assert.throws(() => loop.run(), /cannot be received: EBADF/);
  });
});
