import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { encodeMessage, type Message } from '#xenstore/message.js';
import { MessageReader } from '#xenstore/message-reader.js';
import { MessageType } from '#xenstore/message-type.js';
import type { Xenstore } from '#xenstore/xenstore.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { FakeXenstored, reply } from '../../support/xenstore/fake-xenstored.js';
import { opened, outcome } from '../../support/xenstore/opened.js';

const TYPES = Object.values(MessageType);

/** One of everything that can be asked. */
const REQUESTS: readonly ((xenstore: Xenstore) => Promise<unknown>)[] = [
  (xenstore) => xenstore.read('/a'),
  (xenstore) => xenstore.write('/a', 'value'),
  (xenstore) => xenstore.mkdir('/a'),
  (xenstore) => xenstore.rm('/a'),
  (xenstore) => xenstore.directory('/a'),
  (xenstore) => xenstore.getPermissions('/a'),
  (xenstore) => xenstore.setPermissions('/a', { owner: 0, others: 'none', grants: [] }),
  (xenstore) => xenstore.transaction((nodes) => nodes.read('/a')),
  (xenstore) => xenstore.watch('/a', () => undefined),
  (xenstore) => xenstore.getDomainPath(1),
  (xenstore) => xenstore.isDomainIntroduced(1),
];

describe('a peer that does not speak the protocol of xenstored', () => {
  let fake: FakeXenstored;
  let xenstore: Xenstore;
  let logger: MemoryLogger;

  beforeEach(async () => {
    fake = await FakeXenstored.start();
    logger = new MemoryLogger();
    // With a clock that stands still, a connection that is lost stays lost.
    xenstore = await opened(fake, { clock: new ManualClock(), logger });
  });

  afterEach(async () => {
    await xenstore.close();
    await fake[Symbol.asyncDispose]();
  });

  const refused = async (request: Promise<unknown>, words: RegExp): Promise<void> => {
    const error = (await request.then(
      () => assert.fail('it was taken for an answer'),
      (reason: unknown) => reason,
    )) as Error & { code: string };
    assert.equal(error.code, 'JITSU_BACKEND_UNREACHABLE', String(error));
    assert.match(error.message, words);
    await eventually(() => assert.equal(fake.peers.size, 0, 'the connection must be closed'));
  };

  it('is left at once when it announces a message that is too long, before any of it has come', async () => {
    fake.behaviour = (_request, peer) => {
      const header = Buffer.alloc(16);
      header.writeUInt32LE(4097, 12);
      peer.write(header);
    };
    await refused(xenstore.read('/a'), /a message of 4097 bytes, where 4096 are the most/);
  });

  const replies: readonly (readonly [string, RegExp, (request: Message) => Buffer, number])[] = [
    ['replies to what nobody asked', /a reply to request 77/, (r) => reply(r, '', { request: 77 }), 0],
    ['replies to something else', /a reply of type 11 to a request of type 2/, (r) => reply(r, '', { type: 11 }), 0],
    ['has no name for an error', /expected, "enoent/, (r) => reply(r, 'enoent\0', { type: MessageType.error }), 0],
    ['has an error without an end', /without an end/, (r) => reply(r, 'ENOENT', { type: MessageType.error }), 0],
    ['acknowledges with other words', /OK.* expected, "YES/, (r) => reply(r, 'YES\0'), 1],
    ['has children without names', /"" for the name of a child/, (r) => reply(r, 'a\0\0b\0'), 4],
    ['has children with slashes', /"a\/b" for the name of a child/, (r) => reply(r, 'a/b\0'), 4],
    ['has a list without an end', /a list of strings without an end/, (r) => reply(r, 'a\0b'), 4],
    ['has nodes without an owner', /a node without an owner/, (r) => reply(r, ''), 5],
    ['has permissions that are none', /"x5" for a permission/, (r) => reply(r, 'n0\0x5\0'), 5],
    ['numbers its transactions 0', /expected, "0/, (r) => reply(r, '0\0'), 7],
    ['has domains without a path', /expected, "" found/, (r) => reply(r, ''), 9],
    ['says neither yes nor no', /expected, "maybe/, (r) => reply(r, 'maybe\0'), 10],
    ['has events of nothing', /an event without path/, (r) => reply(r, 'a\0', { type: MessageType.watchEvent }), 0],
  ];
  for (const [what, words, malformed, request] of replies) {
    it(`is left when it ${what}`, async () => {
      fake.behaviour = (message, peer) => peer.write(malformed(message));
      await refused(REQUESTS[request]!(xenstore), words);
      assert.match(logger.lines[0] ?? '', /^warn: xenstored at .* does not speak xenstore's protocol: /);
    });
  }

  for (const [what, part, words] of [
    ['a part without its generation', 'a\0b\0', /a part of a directory without its generation/],
    ['a part with nothing in it', '1\0', /a part of a directory with nothing in it/],
    ['a part that breaks off', '1\0a\0b', /a list of strings without an end/],
  ] as const) {
    it(`is left when a long list has ${what}`, async () => {
      fake.behaviour = (message, peer) => {
        const isPart = message.type === MessageType.directoryPart;
        peer.write(isPart ? reply(message, part) : reply(message, 'E2BIG\0', { type: MessageType.error }));
      };
      await refused(xenstore.directory('/a'), words);
    });
  }

  it('ends the lists that never end', async () => {
    let parts = 0;
    const names = `${'n'.repeat(1_000)}\0`.repeat(4);
    fake.behaviour = (message, peer) => {
      if (message.type === MessageType.directory) {
        peer.write(reply(message, 'E2BIG\0', { type: MessageType.error }));
      } else {
        parts += 1;
        peer.write(reply(message, `1\0${names}`));
      }
    };
    assert.equal(await outcome(xenstore.directory('/a')), 'E2BIG');
    assert.equal(parts, Math.floor((4 * 2 ** 20) / names.length) + 1);
  });

  it('ends the lists of which no two parts fit together', async () => {
    let parts = 0;
    fake.behaviour = (message, peer) => {
      const isPart = message.type === MessageType.directoryPart;
      peer.write(
        isPart ? reply(message, `${(parts += 1)}\0a\0`) : reply(message, 'E2BIG\0', { type: MessageType.error }),
      );
    };
    assert.equal(await outcome(xenstore.directory('/a')), 'EAGAIN');
    assert.equal(parts, 20);
  });

  it('may put its bytes into packets as it likes', () => {
    const value = fc.uint8Array({ maxLength: 300 });
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 8 }), cuts, (payloads, lengths) => {
        const reader = new MessageReader();
        const bytes = Buffer.concat(
          payloads.map((payload, request) =>
            encodeMessage({ type: 2, request, transaction: 0, payload: Buffer.from(payload) }),
          ),
        );
        const read: Message[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const length = lengths[turn % lengths.length]!;
          for (const message of reader.read(bytes.subarray(at, at + length))) {
            read.push({ ...message, payload: Buffer.from(message.payload) });
          }
          at += length;
        }
        assert.deepEqual(
          read.map(({ payload }) => new Uint8Array(payload)),
          payloads,
        );
      }),
    );
  });
});

describe('whatever a peer sends in place of xenstored', function () {
  this.timeout(60_000);

  const anyMessage = fc.record({
    type: fc.oneof(fc.constantFrom(...TYPES), fc.nat(200)),
    request: fc.nat(6),
    transaction: fc.nat(3),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .constantFrom(
          'OK\0',
          'T\0',
          'F\0',
          '1\0',
          'n0\0',
          'ENOENT\0',
          'E2BIG\0',
          'EAGAIN\0',
          '',
          '\0',
          '/a\0jitsu-1\0',
          '1\0a\0\0',
          '5\0a\0b\0',
        )
        .map((text) => Uint8Array.from(Buffer.from(text))),
    ),
  });

  /** Replies that go with the request in some fields, so that the fuzz gets behind the first check. */
  const twisted = fc.record({
    keepsType: fc.boolean(),
    keepsRequest: fc.boolean(),
    message: anyMessage,
    garbage: fc.option(fc.uint8Array({ maxLength: 40 }), { freq: 8 }),
    closes: fc.boolean(),
  });

  it('each request ends, nothing is thrown, and nothing of the connection is left', async () => {
    await using fake = await FakeXenstored.start();
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown): void => void uncaught.push(error);
    process.on('unhandledRejection', onUncaught);
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(twisted, { minLength: 1, maxLength: 12 }),
          fc.array(fc.nat(REQUESTS.length - 1), { minLength: 1, maxLength: 6 }),
          async (twists, requests) => {
            let turn = 0;
            fake.behaviour = (request, peer: Socket) => {
              const twist = twists[turn];
              turn += 1;
              // A peer that has run out of ideas goes away.
              if (twist === undefined) return void peer.destroy();
              const { message, keepsRequest, keepsType, garbage, closes } = twist;
              peer.write(
                encodeMessage({
                  type: keepsType ? request.type : message.type,
                  request: keepsRequest ? request.request : message.request,
                  transaction: message.transaction,
                  payload: Buffer.from(message.payload),
                }),
              );
              if (garbage) peer.write(garbage);
              if (closes && turn === twists.length) peer.end();
            };
            const clock = new ManualClock();
            const xenstore = await opened(fake, { clock });
            const all = Promise.all(requests.map((request) => outcome(REQUESTS[request]!(xenstore))));
            let isDone = false;
            void all.then(() => (isDone = true));
            // What is neither answered nor refused ends with the client's patience.
            for (let round = 0; !isDone && round < 400; round += 1) await clock.advance(1_000);
            await eventually(() => assert.ok(isDone, 'a request hangs'), 2_000);
            await xenstore.close();
            assert.equal(clock.pending, 0, 'a timer is left');
            await eventually(() => assert.equal(fake.peers.size, 0));
          },
        ),
        { numRuns: 300 },
      );
    } finally {
      process.off('unhandledRejection', onUncaught);
    }
    assert.deepEqual(uncaught, []);
  });

  it('events without end take no memory', async () => {
    await using fake = await FakeXenstored.start();
    // Events of a watch that nobody has: they are legal, and there may be any number of them.
    const event = encodeMessage({
      type: MessageType.watchEvent,
      request: 0,
      transaction: 0,
      payload: Buffer.from('/a\0x\0'),
    });
    const events = Buffer.concat(Array<Buffer>(2_000).fill(event));
    let rounds = 0;
    fake.behaviour = (request, peer) => {
      const more = (): void => {
        rounds += 1;
        if (rounds === 400) peer.write(reply(request, 'at last'));
        else if (peer.write(events)) setImmediate(more);
        else peer.once('drain', more);
      };
      more();
    };
    await using xenstore = await opened(fake);
    await xenstore.exists('/a').catch(() => undefined);
    rounds = 0;
    const before = process.memoryUsage().rss;
    assert.equal(await xenstore.read('/a'), 'at last');
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    assert.ok(grown < 64, `${Math.round((400 * events.length) / 2 ** 20)} MiB of events left ${Math.round(grown)} MiB`);
  });
});
