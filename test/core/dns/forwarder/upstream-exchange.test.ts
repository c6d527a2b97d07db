import assert from 'node:assert/strict';
import type { UpstreamSettings } from '#core/config/settings.js';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { Deadlines } from '#core/dns/forwarder/deadlines.js';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import type { StreamQuery } from '#core/dns/forwarder/stream-pool.js';
import { Upstream, upstreamText } from '#core/dns/forwarder/upstream.js';
import { UpstreamExchange } from '#core/dns/forwarder/upstream-exchange.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import type { QueryOptions } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { FakeUdpSockets } from '../../../support/fake-udp-sockets.js';

const scrubber = new AnswerScrubber({ rebindProtection: false });

const HOUR = 3_600_000;
const NAME = 'aBcdefghijklmnopqrstuvwxyz.test';

interface ReplyParts {
  readonly rcode?: number;
  readonly flags?: number;
  /** The extended rcode of an OPT record; none where absent. */
  readonly opt?: number;
  /** The question in the client's own case, whatever was sent. */
  readonly otherCase?: boolean;
}

/** The response of an upstream to what it was sent. */
function replyTo(
  query: Uint8Array,
  { rcode = 0, flags = 0x8180, opt, otherCase = false }: ReplyParts = {},
): Uint8Array {
  const end = 12 + NAME.length + 2 + 4;
  const optBytes = opt === undefined ? [] : [0, 0, 41, 4, 208, opt, 0, 0, 0, 0, 0];
  const message = Uint8Array.of(...query.subarray(0, end), ...optBytes);
  if (otherCase) message.set(aQuery(NAME).message.subarray(12, end), 12);
  message[2] = flags >> 8;
  message[3] = (flags & 0xf0) | rcode;
  message[11] = opt === undefined ? 0 : 1;
  return message;
}

describe('an exchange with an upstream', () => {
  let clock: ManualClock;
  let deadlines: Deadlines;
  let sockets: FakeUdpSockets;
  let upstream: Upstream;
  let streamed: StreamQuery[];
  let silentSince: number[];
  let log: DnsLog;

  const useUpstream = (settings: UpstreamSettings = { address: '192.0.2.53', port: 53 }): void => {
    clock = new ManualClock();
    deadlines = new Deadlines(clock);
    [sockets, streamed, silentSince, doubts] = [new FakeUdpSockets(), [], [], []];
    log = new DnsLog();
    const context = { clock, deadlines, scrubber, logger: log, random: new RandomSource() };
    upstream = new Upstream(settings, { ...context, timeout: 2_000, sockets, trust: undefined }, () => {});
    Object.assign(upstream, {
      streams: {
        send: (query: StreamQuery) => streamed.push(query),
        leaveSilent: () => false,
        closeSilent: (since: number) => silentSince.push(since - start()),
      },
    });
  };
  /** When the answer to a query left open whether the upstream knows EDNS. */
  let doubts: number[];
  let begun = 0;
  const start = (): number => begun;

  beforeEach(() => useUpstream());
  afterEach(() => deadlines[Symbol.dispose]());

  /** All that was sent by UDP so far, and by which socket it left. */
  const sent = () => [...sockets.sent];
  const exchange = (options: QueryOptions = {}) => {
    begun = clock.now();
    const results: string[] = [];
    const answers: Uint8Array[] = [];
    const authentic: boolean[] = [];
    const one = new UpstreamExchange(aQuery(NAME, options), upstream, {
      onAnswer: ({ message, isAuthentic }) => {
        authentic.push(isAuthentic);
        results.push(`rcode ${(message[3] as number) & 15}`);
        answers.push(message);
      },
      onFailure: ({ message }) => results.push(message),
      onEdnsDoubt: () => doubts.push(clock.now()),
    });
    const before = new Set(sent().map(({ message }) => message));
    one.start();
    const mine = () => sent().filter(({ message }) => !before.has(message));
    const reply = (parts?: ReplyParts): void => {
      const { socket, message } = mine().at(-1) as ReturnType<typeof sent>[0];
      socket.listener.onMessage(replyTo(message, parts));
    };
    const streamReply = (parts?: ReplyParts): void => {
      const query = streamed.at(-1) as StreamQuery;
      query.listener.onMessage(replyTo(query.framed.subarray(2), parts));
    };
    const fail = (): void => mine().at(-1)?.socket.listener.onError(new Error('no route'), false);
    return { one, results, answers, authentic, mine, reply, streamReply, fail };
  };
  const hasOpt = ({ message }: { readonly message: Uint8Array }): boolean => message[11] === 1;
  const isMixed = (message: Uint8Array | undefined): boolean =>
    Buffer.from(message?.subarray(13, 13 + 26) ?? []).toString() !== NAME.slice(0, 26);

  it('ends with a reply to the question, without AA and in the case of the client', () => {
    const { mine, reply, results, answers } = exchange();
    assert.equal(isMixed(mine()[0]?.message), true);
    reply({ flags: 0x8580 });
    assert.deepEqual(results, ['rcode 0']);
    assert.equal(answers[0]?.[2], 0x81);
    assert.equal(isMixed(answers[0]), false);
    reply();
    assert.equal(results.length, 1);
  });

  it('is repeated once as it is, by another port and id, and ends at its deadline', async () => {
    upstream.quirks.answeredEdns();
    const { mine, results } = exchange();
    await clock.advance(999);
    assert.equal(mine().length, 1);
    await clock.advance(1);
    assert.deepEqual(mine()[1]?.message.subarray(2), mine()[0]?.message.subarray(2));
    assert.notEqual(mine()[1]?.socket, mine()[0]?.socket);
    await clock.advance(999);
    assert.deepEqual([mine().length, results], [2, []]);
    await clock.advance(1);
    assert.deepEqual([mine().length, results], [2, ['no answer within 2 s']]);
    assert.deepEqual(silentSince, [], 'no connection is to blame');
  });

  it('goes over TCP for a reply in another case, and in the case of the client over UDP where there is no TCP', () => {
    const { mine, reply, results, fail } = exchange();
    reply({ otherCase: true });
    assert.deepEqual([mine().length, streamed.length, results], [1, 1, []]);
    streamed[0]?.listener.onLost(new Error('refused'));
    assert.deepEqual([mine().length, isMixed(mine()[1]?.message)], [2, false]);
    fail();
    assert.deepEqual([mine().length, results], [2, ['no route']]);
    const second = exchange();
    second.reply({ otherCase: true });
    streamed[1]?.listener.onLost(new Error('refused'));
    second.reply();
    assert.deepEqual([second.results, streamed.length], [['rcode 0'], 2]);
  });

  it('fails where what was truncated cannot be had over TCP', () => {
    const { reply, results } = exchange();
    reply({ flags: 0x8380 });
    assert.equal(streamed.length, 1);
    streamed[0]?.listener.onLost(new Error('refused'));
    assert.deepEqual(results, ['refused']);
  });

  it('learns that an upstream changes the case by three replies in a row, and forgets it after an hour', async () => {
    const change = (): void => {
      const { reply, streamReply } = exchange();
      reply({ otherCase: true });
      streamReply();
    };
    const isMixedNow = (): boolean => {
      const { mine, one } = exchange();
      one.cancel();
      return isMixed(mine()[0]?.message);
    };
    change();
    change();
    exchange().reply();
    change();
    change();
    assert.equal(isMixedNow(), true, 'one reply between them kept the case');
    change();
    assert.equal(isMixedNow(), false);
    // Without mixed case, there is nothing that could be changed.
    const { mine, reply, results } = exchange();
    mine()[0]?.socket.listener.onMessage(
      replyTo(mine()[0]?.message ?? new Uint8Array()).map((byte, index) => (index === 13 ? byte ^ 0x20 : byte)),
    );
    reply();
    assert.deepEqual(results, ['rcode 0']);
    await clock.advance(HOUR);
    assert.equal(isMixedNow(), true);
    change();
    assert.equal(isMixedNow(), true, 'one is not enough again');
  });

  it('learns that an upstream without TCP changes the case: a reply to a question that is not mixed tells nothing', () => {
    for (let round = 0; round < 3; round++) {
      const { mine, reply, results } = exchange();
      assert.equal(isMixed(mine()[0]?.message), true);
      reply({ otherCase: true });
      streamed.at(-1)?.listener.onLost(new Error('refused'));
      reply();
      assert.deepEqual(results, ['rcode 0']);
    }
    const { mine, one } = exchange();
    one.cancel();
    assert.equal(isMixed(mine()[0]?.message), false);
  });

  it('goes over TCP after three foreign messages, and stays there', () => {
    const { mine, results, streamReply } = exchange();
    const [{ socket, message }] = mine() as [ReturnType<typeof sent>[0]];
    for (let count = 0; count < 3; count++) {
      assert.equal(streamed.length, 0);
      socket.listener.onMessage(replyTo(message).map((byte, index) => (index === 12 + NAME.length + 3 ? 28 : byte)));
    }
    assert.equal(streamed.length, 1);
    for (let count = 0; count < 9; count++) streamReply({ flags: 0x0180 });
    assert.deepEqual([streamed.length, results], [1, []]);
    streamReply();
    assert.deepEqual(results, ['rcode 0']);
  });

  it('goes without EDNS after FORMERR without an OPT record, for an hour', async () => {
    const first = exchange();
    first.reply({ rcode: 1 });
    const lengths = () => first.mine().map(({ message }) => message.length);
    assert.equal((lengths()[0] ?? 0) - (lengths()[1] ?? 0), 11);
    first.reply();
    assert.deepEqual(first.results, ['rcode 0']);
    const second = exchange();
    second.reply({ rcode: 1 });
    assert.deepEqual([second.mine().length, second.results], [1, ['rcode 1']], 'without EDNS it is an answer');
    await clock.advance(HOUR);
    const third = exchange();
    third.reply({ rcode: 1, opt: 0 });
    assert.deepEqual([third.mine().length, third.results], [1, ['rcode 1']], 'who sends OPT knows EDNS');
  });

  for (const [rcode, name] of [
    [1, 'FORMERR'],
    [4, 'NOTIMP'],
  ] as const) {
    it(`goes without EDNS after ${name} without an OPT record, and once that has helped, for an hour`, async () => {
      const first = exchange();
      first.reply({ rcode });
      assert.deepEqual(first.mine().map(hasOpt), [true, false]);
      first.reply();
      assert.deepEqual(first.results, ['rcode 0']);
      const second = exchange();
      assert.deepEqual(second.mine().map(hasOpt), [false]);
      second.reply({ rcode });
      assert.deepEqual(
        [second.mine().length, second.results],
        [1, [`rcode ${rcode}`]],
        'there is nothing to leave out',
      );
      await clock.advance(HOUR);
      const third = exchange();
      assert.deepEqual(third.mine().map(hasOpt), [true]);
      third.reply({ rcode, opt: 0 });
      assert.deepEqual([third.mine().length, third.results], [1, [`rcode ${rcode}`]], 'who sends OPT knows EDNS');
    });

    it(`keeps EDNS where ${name} came for once from who knows it, and leaves it where it comes again`, () => {
      exchange().reply({ opt: 0 });
      for (const isKnown of [true, false]) {
        const { reply } = exchange();
        reply({ rcode });
        reply();
        assert.deepEqual(exchange().mine().map(hasOpt), [isKnown]);
      }
      assert.deepEqual(doubts, [], 'it is told plainly');
    });
  }

  it('goes without EDNS after SERVFAIL without an OPT record, which may have other reasons', () => {
    const { mine, reply, results } = exchange();
    reply({ rcode: 2 });
    assert.deepEqual([mine().map(hasOpt), doubts.length], [[true, false], 0]);
    reply();
    assert.deepEqual([results, doubts.length], [['rcode 0'], 1]);
    assert.deepEqual(exchange().mine().map(hasOpt), [true], 'a doubt alone changes nothing');
  });

  for (const [rcode, name] of [
    [1, 'FORMERR'],
    [2, 'SERVFAIL'],
    [4, 'NOTIMP'],
  ] as const) {
    it(`keeps EDNS where ${name} comes without it, too`, () => {
      const first = exchange();
      for (const _ of ['with', 'without']) first.reply({ rcode });
      assert.deepEqual(first.results, [`rcode ${rcode}`]);
      assert.deepEqual(exchange().mine().map(hasOpt), [true]);
    });
  }

  for (const [rcode, name] of [
    [2, 'SERVFAIL'],
    [4, 'NOTIMP'],
  ] as const) {
    it(`takes ${name} for the answer where nothing comes without EDNS`, async () => {
      const { reply, results } = exchange();
      reply({ rcode });
      await clock.advance(2_000);
      assert.deepEqual([results, upstream.health.down], [[`rcode ${rcode}`], false]);
    });
  }

  describe('to an upstream that drops what has an OPT record', () => {
    const dropped = async (): Promise<ReturnType<typeof exchange>> => {
      const one = exchange();
      await clock.advance(1_000);
      return one;
    };

    it('is repeated without, too, which leaves a doubt where that is answered first', async () => {
      const first = await dropped();
      assert.deepEqual(first.mine().map(hasOpt), [true, true, false]);
      first.reply();
      assert.deepEqual([first.results, doubts.length], [['rcode 0'], 1]);
      assert.deepEqual((await dropped()).mine().map(hasOpt), [true, true, false], 'a doubt alone changes nothing');
    });

    it('goes without for an hour once a check has failed, unless it has answered meanwhile', async () => {
      for (const isLate of [true, false]) {
        useUpstream();
        assert.equal(upstream.quirks.takeEdnsCheck(clock.now()), true);
        if (isLate) exchange().reply({ opt: 0 });
        upstream.quirks.failedEdnsCheck();
        assert.deepEqual(exchange().mine().map(hasOpt), [isLate]);
        if (!isLate) await clock.advance(HOUR - 1);
        assert.deepEqual(exchange().mine().map(hasOpt), [isLate]);
        await clock.advance(1);
        assert.deepEqual(exchange().mine().map(hasOpt), [true]);
      }
    });

    describe('where the client wants signatures', () => {
      const wanted = async (): Promise<ReturnType<typeof exchange>> => {
        const one = exchange({ edns: { dnssecOk: true } });
        await clock.advance(1_000);
        assert.deepEqual(one.mine().map(hasOpt), [true, true, false]);
        return one;
      };

      it('has the reply with them, though the one without is read first', async () => {
        const { mine, reply, results, answers } = await wanted();
        reply();
        assert.deepEqual(results, []);
        await clock.advance(99);
        const { socket, message } = mine()[1] as ReturnType<typeof sent>[0];
        socket.listener.onMessage(replyTo(message, { opt: 0 }));
        assert.deepEqual([results, answers[0]?.[11], doubts], [['rcode 0'], 1, []]);
        await clock.advance(10_000);
        assert.equal(results.length, 1);
      });

      it('has the one without where no other comes soon, or none that is better, or none at all', async () => {
        const soon = await wanted();
        soon.reply();
        await clock.advance(100);
        assert.deepEqual([soon.results, doubts.length], [['rcode 0'], 1]);
        const better = await wanted();
        better.reply();
        const { socket, message } = better.mine()[0] as ReturnType<typeof sent>[0];
        socket.listener.onMessage(replyTo(message, { rcode: 2 }));
        assert.deepEqual([better.results, doubts.length], [['rcode 0'], 2]);
        const lost = await wanted();
        lost.reply();
        lost.one.onLost(new Error('no route'));
        assert.deepEqual([lost.results, doubts.length], [['rcode 0'], 3]);
      });
    });

    it('keeps EDNS where the copy with EDNS is answered, by an OPT record or without', async () => {
      for (const opt of [0, undefined]) {
        useUpstream();
        const { mine, results } = await dropped();
        const { socket, message } = mine()[1] as ReturnType<typeof sent>[0];
        socket.listener.onMessage(replyTo(message, opt === undefined ? {} : { opt }));
        assert.deepEqual(results, ['rcode 0']);
        assert.deepEqual((await dropped()).mine().map(hasOpt), [true, true], 'it is known to take EDNS');
      }
    });

    it('takes the late reply to what was sent first', async () => {
      const { mine, results } = await dropped();
      const { socket, message } = mine()[0] as ReturnType<typeof sent>[0];
      socket.listener.onMessage(replyTo(message, { opt: 0 }));
      assert.deepEqual(results, ['rcode 0']);
    });

    it('tries without again where nothing at all was answered for once, as it may be another server by now', async () => {
      exchange().reply({ opt: 0 });
      assert.deepEqual((await dropped()).mine().map(hasOpt), [true, true]);
      await clock.advance(1_000);
      assert.deepEqual((await dropped()).mine().map(hasOpt), [true, true, false]);
    });

    it('goes without over TCP, too, where its answer was truncated', async () => {
      const { reply, streamReply, results } = await dropped();
      reply({ flags: 0x8380 });
      assert.equal(hasOpt({ message: streamed[0]?.framed.subarray(2) ?? new Uint8Array(12) }), false);
      streamReply();
      assert.deepEqual(results, ['rcode 0']);
    });

    it('leaves no query at a port behind', async () => {
      const { one } = await dropped();
      one.cancel();
      upstream.udp?.leaveOpenedUntil(Infinity);
      assert.deepEqual(
        sockets.opened.map(({ closed }) => closed),
        [true, true],
      );
    });
  });

  describe('on a machine whose addresses have changed', () => {
    const stale = (code: string): Error => Object.assign(new Error(`send ${code}`), { code });
    const failBy = (code: string, { mine }: ReturnType<typeof exchange>): void =>
      mine().at(-1)?.socket.listener.onError(stale(code), false);

    for (const code of ['ENETUNREACH', 'EADDRNOTAVAIL', 'EPERM', 'EHOSTUNREACH']) {
      it(`is sent again at once by a new socket after ${code}`, () => {
        const one = exchange();
        failBy(code, one);
        assert.deepEqual([one.mine().length, one.results], [2, []]);
        assert.notEqual(one.mine()[0]?.socket, one.mine()[1]?.socket);
        assert.equal(one.mine()[0]?.socket.closed, true);
        one.reply();
        assert.deepEqual(one.results, ['rcode 0']);
      });
    }

    it('fails where the new socket is of no use either, which does not count against the upstream', () => {
      for (let round = 0; round < 9; round++) {
        const one = exchange();
        failBy('ENETUNREACH', one);
        failBy('ENETUNREACH', one);
        assert.deepEqual([one.mine().length, one.results], [2, ['send ENETUNREACH']]);
      }
      assert.equal(upstream.health.down, false);
      assert.equal(log.at('warn').length, 1);
      assert.match(log.at('warn').join(), /192\.0\.2\.53:53 cannot be reached from this machine: send ENETUNREACH/);
    });

    it('counts against the upstream where it may be a router that says so', () => {
      for (let round = 0; round < 3; round++) {
        const one = exchange();
        for (let time = 0; time < 2; time++) failBy('EHOSTUNREACH', one);
      }
      assert.equal(upstream.health.down, true);
    });

    it('fails at once where the upstream refuses, and goes on with its socket', () => {
      const one = exchange();
      failBy('ECONNREFUSED', one);
      assert.deepEqual(
        [one.mine().length, one.results, one.mine()[0]?.socket.closed],
        [1, ['send ECONNREFUSED'], false],
      );
    });

    it('leaves all older sockets after a deadline, as no error tells that replies do not find them any more', async () => {
      for (let count = 0; count < 200; count++) exchange().reply();
      const { length } = sockets.opened;
      assert.ok(length > 20);
      await clock.advance(1);
      exchange();
      await clock.advance(2_000);
      for (let count = 0; count < 200; count++) exchange().reply();
      const older = sockets.opened.slice(0, length);
      assert.ok(older.every(({ closed }) => closed));
    });
  });

  it('measures the time of what was sent once, also after something that was sent twice', async () => {
    upstream.quirks.answeredEdns();
    const { reply } = exchange();
    await clock.advance(1_000);
    reply({ rcode: 1 });
    assert.equal(upstream.health.repeatAfter(1_000), 1_000, 'nobody knows which one was answered');
    await clock.advance(200);
    reply();
    assert.equal(upstream.health.repeatAfter(1_000), 400);
  });

  it('ends at its deadline, whenever it was last put to the upstream', async () => {
    upstream.quirks.answeredEdns();
    const { reply, results } = exchange();
    await clock.advance(1_900);
    reply({ rcode: 1 });
    await clock.advance(100);
    assert.deepEqual(results, ['no answer within 2 s']);
  });

  it('fails by a malformed reply, and by an extended rcode, which has no place in an answer', () => {
    const malformed = exchange();
    const [{ socket, message }] = malformed.mine() as [ReturnType<typeof sent>[0]];
    socket.listener.onMessage(replyTo(message, { opt: 0 }).subarray(0, -1));
    const extended = exchange();
    extended.reply({ opt: 1, rcode: 7 });
    assert.deepEqual(
      [malformed.results, extended.results],
      [['its answer is malformed'], ['it answered with the code 23']],
    );
  });

  for (const [settings, isTrusted] of [
    [{ address: '192.0.2.53', port: 53 }, false],
    [{ address: '10.0.0.53', port: 53, transport: 'tcp' }, false],
    [{ address: '127.0.0.53', port: 53 }, true],
    [{ address: '::1', port: 53 }, true],
    [{ address: '192.0.2.53', port: 853, transport: 'tls' }, true],
  ] as const satisfies readonly (readonly [UpstreamSettings, boolean])[]) {
    it(`${isTrusted ? 'believes' : 'does not believe'} the AD flag of ${upstreamText(settings)}, and asks so`, () => {
      useUpstream(settings);
      const AD = 0x20;
      const { reply, streamReply, authentic } = exchange();
      const [query] = [...sent().map(({ message }) => message), ...streamed.map(({ framed }) => framed.subarray(2))];
      assert.equal((query?.[3] as number) & AD, isTrusted ? AD : 0);
      const send = streamed.length > 0 ? streamReply : reply;
      send({ flags: 0x8180 | AD });
      assert.deepEqual(authentic, [isTrusted]);
      const other = exchange();
      (streamed.length > 0 ? other.streamReply : other.reply)();
      assert.deepEqual(other.authentic, [false]);
    });
  }

  it('tells nobody anything once it was cancelled', async () => {
    const { one, fail, reply, results } = exchange();
    one.cancel();
    fail();
    reply();
    one.onLost(new Error('late'));
    await clock.advance(10_000);
    assert.deepEqual(results, []);
  });

  describe('over connections', () => {
    beforeEach(() => useUpstream({ address: '192.0.2.53', port: 53, transport: 'tcp' }));

    it('goes without EDNS after FORMERR, too', () => {
      const { streamReply, results } = exchange();
      streamReply({ rcode: 1 });
      streamReply();
      assert.deepEqual([streamed.length, results], [2, ['rcode 0']]);
      assert.equal((streamed[0]?.framed.length ?? 0) - (streamed[1]?.framed.length ?? 0), 11);
      assert.equal(streamed[0]?.abandoned, true);
    });

    it('passes over foreign messages, however many', () => {
      const { streamReply, results } = exchange();
      for (let count = 0; count < 9; count++) streamReply({ flags: 0x0180 });
      assert.deepEqual([streamed.length, results], [1, []]);
    });

    it('brings up an upstream that was down', async () => {
      for (let count = 0; count < 3; count++) {
        exchange();
        await clock.advance(2_000);
      }
      assert.deepEqual([upstream.health.down, silentSince], [true, [0, 0, 0]]);
      exchange().streamReply();
      assert.equal(upstream.health.down, false);
    });
  });
});

describe('an upstream', () => {
  it('is written as in the configuration', () => {
    const endpoint = { address: '192.0.2.1', port: 853 };
    assert.equal(upstreamText(endpoint), '192.0.2.1:853');
    assert.equal(upstreamText({ ...endpoint, transport: 'tcp' }), 'tcp://192.0.2.1:853');
    const tls = { address: '2001:db8::1', port: 853, transport: 'tls', name: 'dns.example.org' } as const;
    assert.equal(upstreamText(tls), 'tls://[2001:db8::1]:853#dns.example.org');
  });

  it('closes its source ports when it is closed', () => {
    const clock = new ManualClock();
    const sockets = new FakeUdpSockets();
    const context = {
      clock,
      scrubber,
      logger: new DnsLog(),
      random: new RandomSource(),
      deadlines: new Deadlines(clock),
    };
    const all = { ...context, timeout: 2_000, sockets, trust: undefined };
    const upstream = new Upstream({ address: '192.0.2.1', port: 53 }, all, () => {});
    upstream.udp?.pick(0);
    upstream.close(new Error('closing'));
    assert.equal(sockets.opened[0]?.closed, true);
  });
});
