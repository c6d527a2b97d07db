import assert from 'node:assert/strict';
import type { DnsAnswer } from '#core/contracts/resolver.js';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { Deadlines } from '#core/dns/forwarder/deadlines.js';
import { ForwardedQuery, InFlightQueries } from '#core/dns/forwarder/forwarded-query.js';
import { LoopDetection } from '#core/dns/forwarder/loop-detection.js';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import { Upstream } from '#core/dns/forwarder/upstream.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { aQuery } from '../../../support/dns-query.js';
import { FakeUdpSockets } from '../../../support/fake-udp-sockets.js';

const scrubber = new AnswerScrubber({ rebindProtection: false });

describe('a query that is forwarded', () => {
  let clock: ManualClock;
  let inFlight: InFlightQueries;
  let loops: LoopDetection;
  let sockets: FakeUdpSockets[];
  let upstreams: Upstream[];
  let results: unknown[];

  beforeEach(() => {
    [clock, inFlight, sockets, results] = [new ManualClock(), new InFlightQueries(), [], []];
    const deadlines = new Deadlines(clock);
    // All from one source port.
    const random = Object.assign(new RandomSource(), { below: () => 0 });
    loops = new LoopDetection({ clock, random, logger: new DnsLog(), onLoop: () => {} });
    upstreams = ['192.0.2.1', '192.0.2.2'].map((address) => {
      const own = new FakeUdpSockets();
      sockets.push(own);
      const context = { clock, deadlines, scrubber, logger: new DnsLog(), random, sockets: own };
      return new Upstream({ address, port: 53 }, { ...context, timeout: 2_000, trust: undefined }, () => {});
    });
  });

  const ask = (
    signal = new AbortController().signal,
    asked: readonly Upstream[] = upstreams,
    name = 'a.test',
  ): ForwardedQuery => {
    const onAnswer = (answer: DnsAnswer): unknown => results.push('message' in answer && (answer.message[3] ?? 0) & 15);
    const onFailure = ({ message }: Error): unknown => results.push(message);
    const query = new ForwardedQuery(aQuery(name), signal, asked, inFlight, loops, onAnswer, onFailure);
    query.start();
    return query;
  };
  const reply = (index: number, rcode: number): void => {
    const socket = sockets[index]?.opened.at(-1);
    // An OPT record comes back, or it would be asked again without one.
    const message = Uint8Array.from(socket?.sent.at(-1) ?? []);
    [message[2], message[3]] = [0x81, 0x80 | rcode];
    socket?.listener.onMessage(message);
  };
  const fail = (index: number, why: string, code?: string): void =>
    sockets[index]?.opened.at(-1)?.listener.onError(Object.assign(new Error(why), { code }), false);
  const sent = (): number[] => sockets.map(({ opened }) => opened.reduce((sum, socket) => sum + socket.sent.length, 0));

  it('asks one upstream after the other until one answers', () => {
    ask();
    assert.deepEqual([sent(), inFlight.size], [[1, 0], 1]);
    fail(0, 'no route');
    assert.deepEqual([sent(), results], [[1, 1], []]);
    reply(1, 3);
    assert.deepEqual([results, inFlight.size], [[3], 0]);
  });

  it('has the first of several answers that do not help, and none that came after an answer that does', () => {
    for (const [first, second, expected] of [
      [2, 5, 2],
      [4, 2, 4],
      [5, 0, 0],
    ] as const) {
      ask();
      reply(0, first);
      reply(1, second);
      assert.equal(results.pop(), expected);
    }
    ask();
    fail(0, 'no route');
    reply(1, 2);
    assert.equal(results.pop(), 2, 'an answer says more than a failure');
    assert.deepEqual([results, inFlight.size], [[], 0]);
  });

  it('fails by all that went wrong, in order, or because there is nobody to ask', () => {
    ask();
    fail(0, 'no route');
    fail(1, 'refused');
    ask(undefined, []);
    assert.deepEqual(results, [
      'no upstream answered: 192.0.2.1:53: no route; 192.0.2.2:53: refused',
      'no upstream answered: no upstream is known but ourselves. Set one: -f ADDRESS',
    ]);
    assert.equal(inFlight.size, 0);
  });

  it('says that this machine is to blame where no query could leave it, and only then', () => {
    ask();
    for (const index of [0, 0, 1, 1]) fail(index, 'send ENETUNREACH', 'ENETUNREACH');
    ask();
    for (const index of [0, 0]) fail(index, 'send ENETUNREACH', 'ENETUNREACH');
    fail(1, 'refused', 'ECONNREFUSED');
    assert.deepEqual(results, [
      'no upstream can be reached from this machine: 192.0.2.1:53: send ENETUNREACH; 192.0.2.2:53: send ENETUNREACH',
      'no upstream answered: 192.0.2.1:53: send ENETUNREACH; 192.0.2.2:53: refused',
    ]);
  });

  it('ends with its signal, and asks nobody from then on', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    ask(one.signal);
    ask(one.signal);
    ask(other.signal);
    assert.equal(inFlight.size, 3);
    one.abort(new Error('gone'));
    assert.deepEqual([results, inFlight.size], [['gone', 'gone'], 1]);
    fail(0, 'too late for two of them');
    assert.deepEqual(sent(), [3, 1]);
    inFlight.abortAll(new Error('closing'));
    assert.deepEqual([results.at(-1), results.length, inFlight.size], ['closing', 3, 0]);
    fail(1, 'too late');
    other.abort(new Error('gone'));
    inFlight.abortAll(new Error('closing'));
    assert.equal(results.length, 3);
  });

  it('leaves nothing behind when it has ended, and is found again when there are others of its signal', () => {
    const { signal } = new AbortController();
    const groups = Reflect.get(inFlight, 'groups') as { readonly size: number };
    for (let round = 0; round < 3; round++) {
      ask(signal);
      assert.deepEqual([groups.size, inFlight.size], [1, 1]);
      reply(0, 0);
      assert.deepEqual([groups.size, inFlight.size], [0, 0]);
    }
    ask(signal);
    inFlight.abortAll(new Error('closing'));
    assert.deepEqual([results, groups.size], [[0, 0, 0, 'closing'], 0]);
  });

  it('shares one listener with all queries of its signal, at any time', () => {
    const controller = new AbortController();
    let listeners = 0;
    const listen = controller.signal.addEventListener.bind(controller.signal);
    controller.signal.addEventListener = (...parameters: Parameters<typeof listen>) => {
      listeners += 1;
      listen(...parameters);
    };
    for (let round = 0; round < 3; round++) {
      ask(controller.signal);
      ask(controller.signal);
      reply(0, 0);
      assert.equal(inFlight.size, round + 1);
    }
    assert.equal(listeners, 1);
    inFlight.abortAll(new Error('closing'));
    assert.deepEqual([inFlight.size, results.filter((result) => result === 'closing').length], [0, 3]);
    const query = ask(controller.signal);
    controller.abort(new Error('gone'));
    assert.deepEqual([results.at(-1), inFlight.size], ['gone', 0]);
    inFlight.delete(controller.signal, query);
    inFlight.delete(new AbortController().signal, query);
    assert.equal(inFlight.size, 0);
  });

  describe('that may come back', () => {
    let near: Upstream;
    let far: Upstream;

    beforeEach(() => {
      [far] = upstreams as [Upstream];
      const { context } = far;
      near = new Upstream({ address: '10.0.0.1', port: 53 }, { ...context, sockets: new FakeUdpSockets() }, () => {});
    });

    it('is known by its question as long as it waits, and only where an upstream is near and asked by datagrams', () => {
      const byTcp = { address: '10.0.0.1', port: 53, transport: 'tcp' } as const;
      for (const [asked, expected] of [
        [[far], 0],
        [[new Upstream(byTcp, far.context, () => {})], 0],
        [[near], 1],
        [[near, far], 1],
      ] as const) {
        const query = ask(undefined, asked);
        assert.equal(inFlight.mayReturn.size, expected);
        query.abort(new Error('gone'));
        assert.equal(inFlight.mayReturn.size, 0);
      }
    });

    it('is looked at alone where a query comes in with its name, however many wait', () => {
      let looked = 0;
      const queries = Array.from({ length: 500 }, (_, index) => ask(undefined, [near], `n${index}.test`));
      for (const query of queries) query.suspect = () => void (looked += 1);
      inFlight.suspect(aQuery('N7.TEST'));
      assert.ok(looked >= 1 && looked < 10, `${looked} were looked at`);
      for (const query of queries) query.abort(new Error('gone'));
      inFlight.suspect(aQuery('N7.TEST'));
      assert.ok(looked < 10);
    });
  });
});
