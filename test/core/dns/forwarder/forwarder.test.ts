import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import packet from 'dns-packet';
import type { DnsSettings, UpstreamSettings } from '#core/config/settings.js';
import type { Endpoint } from '#core/net/endpoint.js';
import type { DnsAnswer } from '#core/contracts/resolver.js';
import { errorCode } from '#core/errors.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, type QueryOptions } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import {
  addressFor,
  FakeUpstream,
  replyTo,
  type UpstreamBehaviour,
  type UpstreamQuery,
} from '../../../support/dns-upstream.js';
import { TemporaryFolder } from '../../../support/temporary-folder.js';
import { describeOverUdp } from '../../../support/udp-transports.js';

/** A signal of its own for each query: each forwarder listens to a signal for as long as it lives. */
const never = (): AbortSignal => new AbortController().signal;
const good: UpstreamBehaviour = (query) => [replyTo(query, addressFor(query, '192.0.2.1'))];
const silent: UpstreamBehaviour = () => [];
const hasOpt = ({ decoded }: UpstreamQuery): boolean => decoded.additionals?.length === 1;
const saying =
  (rcode: number): UpstreamBehaviour =>
  (query) => [replyTo(query, { flags: rcode })];

describe("the system's list of name servers", () => {
  it('is /etc/resolv.conf where nothing else is said', () => {
    const deps = { clock: new ManualClock(), logger: new DnsLog(), listening: () => [] };
    const forwarder = new Forwarder(dnsSettings({ forwarders: 'system' }), deps);
    assert.equal(Reflect.get(Reflect.get(forwarder, 'system') as object, 'path'), '/etc/resolv.conf');
    forwarder.close();
  });
});

describeOverUdp('the forwarder', (transport) => {
  const upstreams: FakeUpstream[] = [];
  const forwarders: Forwarder[] = [];
  const clock = new ManualClock();

  afterEach(async () => {
    for (const forwarder of forwarders.splice(0)) forwarder.close();
    assert.equal(clock.pending, 0, 'a closed forwarder leaves no timer');
    for (const upstream of upstreams.splice(0)) await upstream[Symbol.asyncDispose]();
  });

  const upstream = async (behaviour: UpstreamBehaviour): Promise<FakeUpstream> => {
    const started = await FakeUpstream.start(behaviour);
    upstreams.push(started);
    return started;
  };
  const forwarderTo = async (
    endpoints: readonly UpstreamSettings[],
    settings: Partial<DnsSettings> = {},
    own: Endpoint[] = [],
    logger = new DnsLog(),
  ) => {
    const given = dnsSettings({ forwarders: endpoints, transport, ...settings });
    const forwarder = new Forwarder(given, { clock, logger, listening: () => own });
    forwarders.push(forwarder);
    await forwarder.open();
    return forwarder;
  };
  const ask = async (forwarder: Forwarder, name = 'a.test', options: QueryOptions = {}, signal = never()) =>
    forwarder.resolve(aQuery(name, options), signal);
  const decoded = (answer: DnsAnswer | undefined) => {
    assert.ok(answer && 'message' in answer);
    return decodeReply(answer.message);
  };
  const addressIn = (answer: DnsAnswer | undefined): unknown => {
    const [record] = decoded(answer).answers ?? [];
    return record?.type === 'A' ? record.data : undefined;
  };

  /** Lets time pass as soon as so many queries have come in. */
  const advanceAfter = async (server: FakeUpstream, count: number, duration: number): Promise<void> => {
    while (server.queries.length < count) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(duration);
  };
  const namedA = (server: FakeUpstream): UpstreamQuery[] =>
    server.queries.filter(({ decoded: { questions } }) => /^a\.test$/i.test(questions?.[0]?.name ?? ''));
  const untilWithoutEdns = async (log: DnsLog): Promise<void> => {
    while (!log.at('debug').join().includes('knows no EDNS')) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(50);
    }
  };
  const closedPort = async (): Promise<Endpoint> => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { address, port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    return { address, port };
  };

  it('gives the answer of the upstream', async () => {
    const server = await upstream(good);
    assert.equal(addressIn(await ask(await forwarderTo([server.endpoint]))), '192.0.2.1');
  });

  it('asks with ids, from ports and in cases that nobody can guess', async () => {
    const server = await upstream(good);
    const forwarder = await forwarderTo([server.endpoint]);
    for (let round = 0; round < 100; round++) await ask(forwarder, 'MiXed-letters.test', { id: 7 });
    const { queries } = server;
    const count = (of: (query: UpstreamQuery) => unknown): number => new Set(queries.map(of)).size;
    assert.ok(count(({ from }) => from.port) > 20, 'one of 32 ports each time');
    assert.ok(count(({ decoded }) => decoded.id) > 90);
    assert.ok(count(({ decoded }) => decoded.questions?.[0]?.name) > 90, 'one of 2 ** 16 cases each time');
  });

  it('leaves each port after a while, even if few queries come', async () => {
    const server = await upstream(good);
    const forwarder = await forwarderTo([server.endpoint]);
    for (let round = 0; round < 40; round++) {
      await ask(forwarder);
      await clock.advance(30_000);
    }
    assert.ok(new Set(server.queries.map(({ from }) => from.port)).size > 35);
  });

  it("gives the question back in the asker's own case", async () => {
    const server = await upstream(good);
    const answer = await ask(await forwarderTo([server.endpoint]), 'MiXed.test');
    assert.equal(decoded(answer).questions?.[0]?.name, 'MiXed.test');
  });

  it('passes on AD, CD and DO in an OPT record of our own, whether or not the asker sent one', async () => {
    const server = await upstream(good);
    const forwarder = await forwarderTo([server.endpoint]);
    const flags = packet.RECURSION_DESIRED | packet.CHECKING_DISABLED | packet.AUTHENTIC_DATA;
    await ask(forwarder, 'a.test', { flags, edns: { payloadSize: 4096, dnssecOk: true } });
    await ask(forwarder, 'a.test', {});
    const [first, second] = server.queries.map((query) => query.decoded);
    assert.deepEqual([first?.flag_rd, first?.flag_cd, first?.flag_ad], [true, true, true]);
    const [opt] = first?.additionals ?? [];
    assert.ok(opt?.type === 'OPT');
    assert.deepEqual([opt.udpPayloadSize, opt.flag_do], [1232, true]);
    const [other] = second?.additionals ?? [];
    assert.ok(other?.type === 'OPT');
    assert.deepEqual(
      [second?.flag_cd, second?.flag_ad, other.udpPayloadSize, other.flag_do],
      // AD is asked of an upstream that can be believed, as those on loopback, for whomever.
      [false, true, 1232, false],
    );
  });

  it('goes on listening after answers with a wrong id, another question, or no QR bit', async () => {
    const server = await upstream((query) => {
      const right = Buffer.from(replyTo(query, addressFor(query, '192.0.2.1')));
      const wrongId = Buffer.from(replyTo(query, addressFor(query, '198.51.100.1')));
      wrongId.writeUInt16BE(wrongId.readUInt16BE(0) ^ 1, 0);
      const otherName = { ...query.decoded, questions: [{ name: 'b.test', type: 'A', class: 'IN' }] };
      const wrongQuestion = replyTo({ ...query, decoded: otherName as typeof query.decoded });
      const noQuestion = replyTo({ ...query, decoded: { ...query.decoded, questions: [] } });
      const wrong = [wrongId, wrongQuestion, noQuestion, query.bytes, Buffer.from('junk'), Buffer.alloc(0)];
      const two = wrong.filter((_, index) => index >> 1 === Number(query.decoded.questions?.[0]?.name?.charAt(0)));
      return [...two, right];
    });
    const forwarder = await forwarderTo([server.endpoint]);
    for (const name of ['0.test', '1.test', '2.test']) {
      assert.equal(addressIn(await ask(forwarder, name)), '192.0.2.1');
    }
    assert.deepEqual(
      server.queries.map(({ transport }) => transport),
      ['udp', 'udp', 'udp'],
    );
  });

  it('takes several wrong answers for an attempt to forge one, and asks by TCP', async () => {
    const server = await upstream((query) => {
      if (query.transport === 'tcp') return good(query, server);
      const guesses = [1, 2, 3].map((guess) => {
        const lie = Buffer.from(replyTo(query, addressFor(query, '198.51.100.1')));
        lie.writeUInt16BE(lie.readUInt16BE(0) ^ guess, 0);
        return lie;
      });
      return [...guesses, replyTo(query, addressFor(query, '198.51.100.1'))];
    });
    assert.equal(addressIn(await ask(await forwarderTo([server.endpoint]))), '192.0.2.1');
  });

  it('hears nobody but the upstream', async () => {
    const liar = createSocket('udp4').bind(0, '127.0.0.1');
    await once(liar, 'listening');
    try {
      const server = await upstream((query) => {
        const lie = replyTo(query, addressFor(query, '198.51.100.1'));
        const truth = replyTo(query, addressFor(query, '192.0.2.1'));
        liar.send(lie, query.from.port, query.from.address, () =>
          server.udp.send(truth, query.from.port, query.from.address),
        );
        return [];
      });
      assert.equal(addressIn(await ask(await forwarderTo([server.endpoint]))), '192.0.2.1');
    } finally {
      await new Promise<void>((resolve) => liar.close(() => resolve()));
    }
  });

  const changingCase: UpstreamBehaviour = (query) => [
    replyTo(query, {
      ...addressFor(query, '192.0.2.1'),
      questions: [{ name: 'a-letter.test', type: 'A', class: 'IN' }],
    }),
  ];

  it('asks by TCP what is answered in another case, and no more in mixed case who does so again and again', async () => {
    const server = await upstream(changingCase);
    const log = new DnsLog();
    const forwarder = await forwarderTo([server.endpoint], {}, [], log);
    for (let round = 1; round <= 4; round++) {
      assert.equal(addressIn(await ask(forwarder, 'a-letter.test')), '192.0.2.1');
    }
    assert.equal(server.queries.map(({ transport }) => transport).join(' '), 'udp tcp udp tcp udp tcp udp');
    assert.equal(server.queries.at(-1)?.decoded.questions?.[0]?.name, 'a-letter.test');
    assert.match(log.at('debug').join(), /changes the case/);
  });

  it('takes such an answer where there is no TCP', async () => {
    const server = await upstream(changingCase);
    await server.refuseConnections();
    assert.equal(addressIn(await ask(await forwarderTo([server.endpoint]), 'a-letter.test')), '192.0.2.1');
  });

  it('sends a datagram once more that has brought no answer', async () => {
    const server = await upstream((query) => (server.queries.length < 2 ? [] : good(query, server)));
    const asked = ask(await forwarderTo([server.endpoint]));
    await advanceAfter(server, 1, 1_000);
    assert.equal(addressIn(await asked), '192.0.2.1');
    // A loop is looked for at the same time, from a port of its own.
    const [first, second] = namedA(server) as [UpstreamQuery, UpstreamQuery];
    assert.deepEqual(first.bytes.subarray(2), second.bytes.subarray(2));
    assert.notEqual(first.from.port, second.from.port, 'the old one may have lost its address');
  });

  it('has an answer of an upstream that drops what has an OPT record, and asks it without from then on', async () => {
    const server = await upstream((query) => (hasOpt(query) ? [] : good(query, server)));
    const log = new DnsLog();
    const forwarder = await forwarderTo([server.endpoint], {}, [], log);
    const asked = ask(forwarder);
    await advanceAfter(server, 1, 1_000);
    assert.equal(addressIn(await asked), '192.0.2.1');
    await untilWithoutEdns(log);
    assert.equal(addressIn(await ask(forwarder)), '192.0.2.1');
    assert.deepEqual(namedA(server).map(hasOpt), [true, true, false, false]);
  });

  it('keeps EDNS where a slow first answer comes to the query without an OPT record first', async () => {
    let held: UpstreamQuery[] | undefined = [];
    const server = await upstream((query) => {
      if (held === undefined) return good(query, server);
      held.push(query);
      if (held.length < 3) return [];
      const all = held.sort((one, other) => Number(hasOpt(one)) - Number(hasOpt(other)));
      held = undefined;
      for (const each of all) server.udp.send(good(each, server)[0] as Uint8Array, each.from.port, each.from.address);
      return [];
    });
    const forwarder = await forwarderTo([server.endpoint]);
    const asked = ask(forwarder);
    await advanceAfter(server, 1, 1_000);
    assert.equal(addressIn(await asked), '192.0.2.1');
    await advanceAfter(server, 3 + 2, 10_000);
    assert.equal(addressIn(await ask(forwarder)), '192.0.2.1');
    assert.equal(hasOpt(server.queries.at(-1) as UpstreamQuery), true);
  });

  for (const rcode of ['FORMERR', 'SERVFAIL', 'NOTIMP'] as const) {
    it(`has an answer of an upstream that says ${rcode} to an OPT record, and asks it without from then on`, async () => {
      const refusal = { FORMERR: 1, SERVFAIL: 2, NOTIMP: 4 }[rcode];
      const server = await upstream((query) => (hasOpt(query) ? saying(refusal)(query, server) : good(query, server)));
      const log = new DnsLog();
      const forwarder = await forwarderTo([server.endpoint], {}, [], log);
      assert.equal(addressIn(await ask(forwarder)), '192.0.2.1');
      await untilWithoutEdns(log);
      // SERVFAIL has other reasons, too: it is asked for something else in both ways.
      const checked = rcode === 'SERVFAIL' ? [true, false] : [];
      assert.equal(addressIn(await ask(forwarder)), '192.0.2.1');
      assert.deepEqual(server.queries.map(hasOpt), [true, false, ...checked, false]);
    });
  }

  it('sends it sooner to an upstream that is quick', async () => {
    const server = await upstream((query) => (server.queries.length === 3 ? [] : good(query, server)));
    const forwarder = await forwarderTo([server.endpoint]);
    await ask(forwarder);
    await ask(forwarder);
    const asked = ask(forwarder);
    await advanceAfter(server, 3, 250);
    assert.equal(addressIn(await asked), '192.0.2.1');
  });

  it('learns nothing of how quick an upstream is from a query that was sent twice', async () => {
    let lost = 0;
    const server = await upstream((query) => (lost-- > 0 ? [] : good(query, server)));
    const forwarder = await forwarderTo([server.endpoint]);
    await ask(forwarder);
    for (let round = 0; round < 20; round++) {
      lost = 1;
      const { length } = server.queries;
      const asked = ask(forwarder);
      await advanceAfter(server, length + 1, 250);
      assert.equal(addressIn(await asked), '192.0.2.1', `round ${round}: sent again after 250 ms`);
    }
  });

  it('takes copies of an answer for late, not for an attempt to forge one', async () => {
    const server = await upstream((query) => Array.from({ length: 4 }, () => good(query, server)).flat());
    const forwarder = await forwarderTo([server.endpoint]);
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, async () => ask(forwarder)));
    assert.ok(server.queries.every(({ transport: by }) => by === 'udp'));
  });

  it('asks the next when one does not answer in time', async () => {
    const [first, second] = [await upstream(silent), await upstream(good)];
    const asked = ask(await forwarderTo([first.endpoint, second.endpoint]));
    await advanceAfter(first, 1, 2_000);
    assert.equal(addressIn(await asked), '192.0.2.1');
  });

  it('asks the next at once where nobody listens', async () => {
    const second = await upstream(good);
    assert.equal(addressIn(await ask(await forwarderTo([await closedPort(), second.endpoint]))), '192.0.2.1');
  });

  for (const [rcode, name] of [
    [2, 'SERVFAIL'],
    [4, 'NOTIMP'],
    [5, 'REFUSED'],
  ] as const) {
    it(`asks the next after ${name}, and passes the first such answer on if nobody knows better`, async () => {
      const [first, second, third] = [await upstream(saying(rcode)), await upstream(good), await upstream(saying(2))];
      assert.equal(addressIn(await ask(await forwarderTo([first.endpoint, second.endpoint]))), '192.0.2.1');
      assert.equal(decoded(await ask(await forwarderTo([first.endpoint, third.endpoint]))).rcode, name);
    });
  }

  it('takes NXDOMAIN for an answer', async () => {
    const [first, second] = [await upstream(saying(3)), await upstream(good)];
    assert.equal(decoded(await ask(await forwarderTo([first.endpoint, second.endpoint]))).rcode, 'NXDOMAIN');
    assert.equal(second.queries.length, 0);
  });

  it('asks the same upstream again by TCP for what was truncated', async () => {
    const server = await upstream((query) =>
      query.transport === 'tcp' ? good(query, server) : [replyTo(query, { flags: packet.TRUNCATED_RESPONSE })],
    );
    assert.equal(addressIn(await ask(await forwarderTo([server.endpoint]))), '192.0.2.1');
    assert.deepEqual(
      server.queries.map(({ transport }) => transport),
      ['udp', 'tcp'],
    );
  });

  it('asks the next when an upstream truncates and then says nothing by TCP', async () => {
    const first = await upstream((query) =>
      query.transport === 'tcp' ? [] : [replyTo(query, { flags: packet.TRUNCATED_RESPONSE })],
    );
    const second = await upstream(good);
    const asked = ask(await forwarderTo([first.endpoint, second.endpoint]));
    await advanceAfter(first, 2, 2_000);
    assert.equal(addressIn(await asked), '192.0.2.1');
  });

  it('asks again without EDNS where the upstream does not know it', async () => {
    const server = await upstream((query) =>
      query.decoded.additionals?.length ? [replyTo(query, { flags: 1 })] : good(query, server),
    );
    const forwarder = await forwarderTo([server.endpoint]);
    assert.equal(addressIn(await ask(forwarder, 'a.test', { edns: {} })), '192.0.2.1');
    assert.equal(addressIn(await ask(forwarder, 'a.test', { edns: {} })), '192.0.2.1');
    assert.equal(server.queries.length, 3, 'and remembers it');
    await clock.advance(3_600_000);
    await ask(forwarder);
    assert.equal(server.queries.length, 5, 'for an hour');
  });

  it('asks the next after malformed data, counts it, and goes on asking who answered so', async () => {
    const short = (query: UpstreamQuery): Uint8Array[] => {
      const whole = Buffer.from(replyTo(query, addressFor(query, '192.0.2.1')));
      whole.writeUInt16BE(3, whole.length - 6);
      return [whole.subarray(0, -1)];
    };
    const [first, second] = [await upstream(short), await upstream(good)];
    const forwarder = await forwarderTo([first.endpoint, second.endpoint]);
    for (let round = 1; round <= 5; round++) assert.equal(addressIn(await ask(forwarder)), '192.0.2.1');
    assert.deepEqual([first.queries.length, second.queries.length], [5, 5]);
    assert.deepEqual(forwarder.answerCounts, { malformed: 5, scrubbed: 0, rebinding: 0 });
    const alone = await forwarderTo([first.endpoint]);
    await assert.rejects(ask(alone), {
      code: 'JITSU_FORWARD_FAILED',
      message: /a record of type 1 and class 1 .*malformed/,
    });
  });

  it('asks the next after a malformed answer', async () => {
    const first = await upstream((query) => [replyTo(query, addressFor(query, '192.0.2.9')).subarray(0, -1)]);
    const second = await upstream(good);
    assert.equal(addressIn(await ask(await forwarderTo([first.endpoint, second.endpoint]))), '192.0.2.1');
  });

  it('fails naming each upstream and what was wrong with it', async () => {
    const [closed, mute] = [await closedPort(), await upstream(silent)];
    const asked = ask(await forwarderTo([closed, mute.endpoint]));
    const rejection = assert.rejects(asked, {
      code: 'JITSU_FORWARD_FAILED',
      message: new RegExp(
        `127.0.0.1:${closed.port}: .*ECONNREFUSED.*127.0.0.1:${mute.endpoint.port}: no answer within 2 s`,
      ),
    });
    await advanceAfter(mute, 1, 2_000);
    await rejection;
  });

  it('never asks ourselves', async () => {
    const server = await upstream(good);
    const asked = ask(await forwarderTo([server.endpoint], {}, [server.endpoint]));
    await assert.rejects(asked, { code: 'JITSU_FORWARD_FAILED', message: /ourselves/ });
    assert.equal(server.queries.length, 0);
  });

  it('turns away what is above the limit, and gives places back', async () => {
    const server = await upstream(silent);
    const limits = { ...dnsSettings().limits, forwardedQueries: 1 };
    const forwarder = await forwarderTo([server.endpoint], { limits });
    for (let round = 1; round <= 2; round++) {
      const failing = assert.rejects(ask(forwarder), { code: 'JITSU_FORWARD_FAILED' });
      await assert.rejects(ask(forwarder), { code: 'JITSU_FORWARD_OVERLOADED' });
      await advanceAfter(server, round, 2_000);
      await failing;
    }
  });

  it('takes the oldest query of who has most, for one who has less', async () => {
    const server = await upstream(silent);
    const forwarder = await forwarderTo([server.endpoint], {
      limits: { ...dnsSettings().limits, forwardedQueries: 4 },
    });
    const askFrom = (address: string, name: string): Promise<unknown> => {
      const query = aQuery(name, {}, { address, port: 5_353, transport: 'udp' });
      return forwarder.resolve(query, never()).then(
        () => assert.fail('answered'),
        (error: unknown) => errorCode(error),
      );
    };
    const outcomes: unknown[] = [];
    const greedy = ['a', 'b', 'c', 'd'].map((name) => askFrom('192.0.2.1', name));
    void greedy[0]?.then((outcome) => outcomes.push('a', outcome));
    assert.equal(await askFrom('192.0.2.1', 'e'), 'JITSU_FORWARD_OVERLOADED', 'his own are the oldest');
    assert.deepEqual(outcomes, []);
    const modest = [askFrom('198.51.100.1', 'f'), askFrom('192.0.2.2', 'g')];
    assert.deepEqual(await Promise.all(greedy.slice(0, 2)), Array(2).fill('JITSU_FORWARD_OVERLOADED'));
    assert.equal(await askFrom('192.0.2.1', 'h'), 'JITSU_FORWARD_OVERLOADED');
    await advanceAfter(server, 6, 2_000);
    assert.deepEqual(await Promise.all([...greedy.slice(2), ...modest]), Array(4).fill('JITSU_FORWARD_FAILED'));
  });

  it('stops asking when nobody waits for the answer any more', async () => {
    const [first, second] = [await upstream(silent), await upstream(good)];
    const controller = new AbortController();
    const asked = ask(await forwarderTo([first.endpoint, second.endpoint]), 'a.test', {}, controller.signal);
    const rejection = assert.rejects(asked, /gone/);
    await advanceAfter(first, 1, 0);
    controller.abort(new Error('gone'));
    await rejection;
    // The alarm that was set for it finds nothing to do, and is the last.
    await clock.advance(10_000);
    assert.deepEqual([first.queries.length, second.queries.length], [1, 0]);
    assert.equal(clock.pending, 0);
  });

  it('gives the place of a query back that nobody waits for any more, and asks nothing for one who is gone', async () => {
    const server = await upstream(silent);
    const limits = { ...dnsSettings().limits, forwardedQueries: 2 };
    const forwarder = await forwarderTo([server.endpoint], { limits });
    for (let round = 0; round < 3; round++) {
      const controller = new AbortController();
      const failing = [1, 2].map(() => assert.rejects(ask(forwarder, 'a.test', {}, controller.signal), /gone/));
      await assert.rejects(ask(forwarder), { code: 'JITSU_FORWARD_OVERLOADED' });
      controller.abort(new Error('gone'));
      await Promise.all(failing);
      await assert.rejects(ask(forwarder, 'a.test', {}, controller.signal), /gone/);
    }
    await advanceAfter(server, 6, 0);
    assert.equal(server.queries.length, 6);
  });

  it('gives up all that waits when it is closed', async () => {
    const server = await upstream(silent);
    const forwarder = await forwarderTo([server.endpoint, { ...server.endpoint, transport: 'tcp' }]);
    const rejections = [1, 2].map(() => assert.rejects(ask(forwarder), { code: 'JITSU_SHUTTING_DOWN' }));
    await advanceAfter(server, 1, 0);
    forwarder.close();
    await Promise.all(rejections);
    await assert.rejects(ask(forwarder), { code: 'JITSU_SHUTTING_DOWN' });
  });

  it('leaves the domains that are excepted, and what lies below them, to others', async () => {
    const server = await upstream(good);
    const forwarder = await forwarderTo([server.endpoint], { forwardExcept: ['lan', 'Corp.Example.'] });
    for (const name of ['lan', 'A.b.LAN', 'corp.example']) assert.equal(await ask(forwarder, name), undefined);
    for (const name of ['wlan', 'example', 'lan.test'])
      assert.equal(addressIn(await ask(forwarder, name)), '192.0.2.1');
  });

  it("asks the system's name servers where that is configured, and watches their list until it is closed", async () => {
    const server = await upstream(good);
    using folder = new TemporaryFolder();
    const resolvConf = folder.in('resolv.conf');
    writeFileSync(resolvConf, `nameserver ${server.endpoint.address}\n`);
    const settings = dnsSettings({ forwarders: 'system', forwarderPort: server.endpoint.port, transport });
    const log = new DnsLog();
    const forwarder = new Forwarder(settings, { clock, logger: log, listening: () => [], resolvConf });
    forwarders.push(forwarder);
    await forwarder.open();
    assert.equal(addressIn(await ask(forwarder)), '192.0.2.1');
    forwarder.close();
    writeFileSync(resolvConf, 'nameserver 192.0.2.9\n');
    for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(clock.pending, 0, 'nothing waits for the file to settle');
    assert.equal(log.at('info').length, 1);
  });

  it('refuses queries that do not ask for recursion, and leaves all to others when it is off', async () => {
    const server = await upstream(good);
    const answer = await ask(await forwarderTo([server.endpoint]), 'a.test', { flags: 0 });
    assert.deepEqual(answer, {
      rcode: 5,
      extendedError: { code: 20, text: 'not served here, and recursion was not asked for' },
    });
    assert.equal(await ask(await forwarderTo([], { forwarders: 'off' })), undefined);
    assert.equal(server.queries.length, 0);
  });
});
