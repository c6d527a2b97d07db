import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { DatagramSocket } from '#core/dns/transport/mmsg/datagram-socket.js';
import { packMisses, unpackMisses } from '#core/dns/transport/mmsg/miss-batch.js';
import { ReceiveLoop, type ReceiveLoopOptions } from '#core/dns/transport/mmsg/receive-loop.js';
import { clientOf } from '#core/dns/transport/mmsg/socket-address.js';
import { loadSocketCalls, type SocketCalls } from '#core/dns/transport/mmsg/socket-calls.js';
import { createThreadState, MOST_UNDER_WAY, ThreadState } from '#core/dns/transport/mmsg/thread-state.js';
import { anAsker } from '../../../../support/dns-asker.js';
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
        asker: anAsker(),
        now: () => {
          // This batch is its last.
          Atomics.store(state, ThreadState.Ending, 1);
          socket.endReceiving();
          return 0;
        },
        onMisses: () => {},
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

  it('hands over all that it cannot answer of a batch in one piece, and in its order', async () => {
    const batches: ArrayBuffer[] = [];
    const queries = [1, 2, 3, 4].map((id) => queryBytes(`${'x'.repeat(id)}.test`, { id }));
    const hot: ReceiveLoopOptions['hot'] = {
      answer: (message, length, out) => {
        if (message[1] !== 2) return 0;
        out.set(message.subarray(0, length));
        return length;
      },
    };
    const onMisses: ReceiveLoopOptions['onMisses'] = (batch, indices) => batches.push(packMisses(batch, indices));
    const { replies, port } = await take(queries, { hot, onMisses }, 1);
    assert.deepEqual(replies, [queries[1]]);
    assert.equal(batches.length, 1);
    const misses = [...unpackMisses(batches[0] as ArrayBuffer)];
    assert.deepEqual(
      misses.map(({ message }) => Buffer.from(message)),
      [queries[0], queries[2], queries[3]],
    );
    for (const { envelope } of misses)
      assert.deepEqual(clientOf(envelope, calls), { address: '127.0.0.1', port, transport: 'udp' });
  });

  it('answers SERVFAIL by itself where too much is on its way to the main thread already', async () => {
    const state = createThreadState();
    state[ThreadState.UnderWay] = MOST_UNDER_WAY - 2;
    const handedOver: number[] = [];
    const onMisses: ReceiveLoopOptions['onMisses'] = (_batch, indices) => handedOver.push(...indices);
    const queries = [1, 2, 3].map((id) => queryBytes('a.test', { id }));
    const { replies } = await take(queries, { state, onMisses }, 1);
    assert.deepEqual(handedOver, [0, 1]);
    const reply = decodeReply(replies[0]);
    assert.deepEqual([reply.id, reply.rcode, reply.questions], [3, 'SERVFAIL', []]);
    assert.equal(replies[0]?.length, 12);
    assert.equal(state[ThreadState.UnderWay], MOST_UNDER_WAY);
  });

  it('counts a long datagram for more, so that the bound is one of memory, too', async () => {
    const state = createThreadState();
    await take([Buffer.concat([queryBytes('a.test'), Buffer.alloc(60_000)])], { state }, 0);
    assert.equal(state[ThreadState.UnderWay], 118);
  });

  it('gives up on a socket that cannot be used', () => {
    const state = createThreadState();
    const options = { calls, descriptor: 1_000_000, kind: { family: 4, tellsDestination: false }, state } as const;
    const unused = {
      now: () => 0,
      onMisses: () => {},
      onRefused: () => {},
      onUnsent: () => {},
      asker: anAsker(),
    } as const;
    const loop = new ReceiveLoop({ ...options, ...unused, hot: { answer: () => 0 }, recursionAvailable: false });
    assert.throws(() => loop.run(), /cannot be received: EBADF/);
  });
});
