import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { DnsSettings, UpstreamSettings } from '#core/config/settings.js';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { Deadlines } from '#core/dns/forwarder/deadlines.js';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import { dgramSockets } from '#core/dns/forwarder/udp-socket.js';
import { isOwnEndpoint, UpstreamSelection } from '#core/dns/forwarder/upstream-selection.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { decodeReply } from '../../../support/dns-message.js';
import { FakeUdpSockets } from '../../../support/fake-udp-sockets.js';
import { DnsLog } from '../../../support/dns-log.js';

const scrubber = new AnswerScrubber({ rebindProtection: false });

const at = (address: string, port = 53) => ({ address, port });

describe('the selection of upstreams', () => {
  const [one, two, three] = [at('192.0.2.1'), at('192.0.2.2'), at('192.0.2.3')];
  const nowhere = [] as const;

  const selectionBy = (order: DnsSettings['forwardOrder'] = 'sequential', logger = new DnsLog()) => {
    const clock = new ManualClock();
    return new UpstreamSelection(order, {
      ...{ clock, scrubber, logger, random: new RandomSource(), deadlines: new Deadlines(clock) },
      ...{ timeout: 2_000, sockets: dgramSockets, trust: undefined },
    });
  };
  const texts = (
    selection: UpstreamSelection,
    configured: readonly UpstreamSettings[],
    listening: readonly UpstreamSettings[] = nowhere,
  ): string =>
    selection
      .next(configured, listening)
      .map(({ text }) => text.slice(8, 9))
      .join('');

  it('has each upstream once, in their order, and none that is ourselves', () => {
    const selection = selectionBy();
    assert.equal(texts(selection, [two, one, two, three]), '213');
    const configured = [one, two, three];
    assert.equal(texts(selection, configured, [two]), '13');
    assert.equal(texts(selection, configured, [three]), '12', 'where we listen has changed');
    assert.equal(texts(selection, [three, one], nowhere), '31', 'the list has changed');
  });

  it('says once of each that it is ourselves', () => {
    const log = new DnsLog();
    const selection = selectionBy(undefined, log);
    for (const configured of [[two, one], [two, three], [two]]) selection.next(configured, [two]);
    selection.next([two, three], [two, three]);
    assert.deepEqual(log.at('warn').length, 2);
    assert.match(
      log.at('warn').join(),
      /the upstream 192\.0\.2\.2:53 is Jitsu itself, and is not asked\. .*-f ADDRESS/,
    );
  });

  it('keeps what is known of those that stay when the list changes, and closes the others', () => {
    const selection = selectionBy();
    const [first, second] = selection.next([one, two], nowhere);
    const closings = [first, second].map((upstream) => mock.method(upstream!, 'close'));
    for (let count = 0; count < 3; count++) first?.health.failed(0, 0, new Error('silent'));
    assert.equal(texts(selection, [one, three, one]), '3', 'the first is still down');
    assert.deepEqual(
      closings.map((closing) => closing.mock.callCount()),
      [0, 1],
    );
    assert.match(String(closings[1]?.mock.calls[0]?.arguments[0]), /no longer one of the upstreams/);
    selection.close(new Error('closing'));
    assert.equal(closings[0]?.mock.callCount(), 1);
  });

  it('has those that are down only where all are', () => {
    const selection = selectionBy();
    const configured = [one, two];
    const [first, second] = selection.next(configured, nowhere);
    const fail = (upstream: typeof first) => {
      for (let count = 0; count < 3; count++) upstream?.health.failed(0, 0, new Error('silent'));
    };
    fail(first);
    assert.equal(texts(selection, configured), '2');
    fail(second);
    assert.equal(texts(selection, configured), '12');
    second?.health.answered();
    assert.equal(texts(selection, configured), '2');
    first?.health.answered();
    assert.equal(texts(selection, configured), '12');
  });

  it('begins with another one each time where that is wanted, and has the others behind it', () => {
    const configured = [one, two, three];
    const roundRobin = selectionBy('round-robin');
    assert.deepEqual(
      Array.from({ length: 4 }, () => texts(roundRobin, configured)),
      ['231', '312', '123', '231'],
    );
    const random = selectionBy('random');
    const seen = Array.from({ length: 200 }, () => texts(random, configured));
    assert.deepEqual(new Set(seen), new Set(['123', '231', '312']));
    assert.ok(
      seen.some((text, index) => text === seen[index - 1]),
      'not in turn',
    );
  });

  it('asks those that are down for the name servers of the root, once a pause, and heeds the answer', async () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const sockets = new FakeUdpSockets();
    const selection = new UpstreamSelection('sequential', {
      ...{ clock, deadlines, sockets, scrubber, logger: new DnsLog(), random: new RandomSource() },
      ...{ timeout: 2_000, trust: undefined },
    });
    const configured = [one, two];
    const [first] = selection.next(configured, nowhere);
    const sent = (): Uint8Array[] => sockets.opened.flatMap((socket) => socket.sent);
    for (let count = 0; count < 3; count++) first?.health.failed(0, clock.now(), new Error('silent'));
    assert.equal(texts(selection, configured), '2');
    await clock.advance(999);
    assert.equal(texts(selection, configured), '2');
    assert.deepEqual(sent(), []);
    await clock.advance(1);
    for (let time = 0; time < 3; time++) assert.equal(texts(selection, configured), '2');
    const [probe, ...others] = sent();
    assert.deepEqual(others, []);
    const { questions, flag_rd, flag_ad, flag_cd, additionals } = decodeReply(Buffer.from(probe ?? []));
    assert.deepEqual(questions, [{ name: '.', type: 'NS', class: 'IN' }]);
    const [opt] = additionals ?? [];
    assert.deepEqual([flag_rd, flag_ad, flag_cd, opt?.type === 'OPT' && opt.flag_do], [true, false, false, false]);
    const reply = Uint8Array.from((probe ?? new Uint8Array()).subarray(0, 17));
    [reply[2], reply[11]] = [0x81, 0];
    sockets.opened[0]?.listener.onMessage(reply);
    assert.equal(texts(selection, configured), '12');
    selection.close(new Error('closing'));
    deadlines[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });

  it('has one upstream alone first, whatever the order', () => {
    for (const order of ['sequential', 'round-robin', 'random'] as const) {
      const selection = selectionBy(order);
      assert.equal(texts(selection, [two]), '2');
      assert.equal(texts(selection, []), '');
    }
  });

  it('looks at its own addresses only where a list has changed', () => {
    const selection = selectionBy();
    const configured = [one, two];
    const first = selection.next(configured, nowhere);
    assert.equal(selection.next(configured, nowhere), first);
    const again = selection.next([...configured], nowhere);
    assert.notEqual(again, first);
    assert.deepEqual(again, first);
  });
});

describe('an upstream that is ourselves', () => {
  it('is one where we listen, however its address is written', () => {
    assert.equal(isOwnEndpoint(at('127.0.0.1'), [at('127.0.0.1')]), true);
    assert.equal(isOwnEndpoint(at('::ffff:127.0.0.1'), [at('127.0.0.1')]), true);
    assert.equal(isOwnEndpoint(at('0:0:0:0:0:0:0:1'), [at('::1')]), true);
    assert.equal(isOwnEndpoint(at('fe80::1%eth0'), [at('fe80::1%eth0')]), true);
  });

  it('is any address of this machine where we listen everywhere, of the family in which we do', () => {
    assert.equal(isOwnEndpoint(at('127.0.0.53'), [at('0.0.0.0')]), true);
    assert.equal(isOwnEndpoint(at('::1'), [at('0.0.0.0')]), false);
    assert.equal(isOwnEndpoint(at('0.0.0.0'), [at('127.0.0.1')]), true);
    assert.equal(isOwnEndpoint(at('192.0.2.1'), [at('0.0.0.0')]), false);
  });

  it('is not one on another port or another address', () => {
    assert.equal(isOwnEndpoint(at('127.0.0.1', 54), [at('127.0.0.1')]), false);
    assert.equal(isOwnEndpoint(at('127.0.0.53'), [at('127.0.0.1')]), false);
    assert.equal(isOwnEndpoint(at('127.0.0.1'), []), false);
  });

  it('is the unspecified address where we listen on loopback or everywhere, of one family', () => {
    assert.equal(isOwnEndpoint(at('0.0.0.0'), [at('0.0.0.0')]), true);
    assert.equal(isOwnEndpoint(at('::'), [at('::1')]), true);
    assert.equal(isOwnEndpoint(at('::'), [at('::')]), true);
    assert.equal(isOwnEndpoint(at('0.0.0.0'), [at('192.0.2.1')]), false);
    assert.equal(isOwnEndpoint(at('::1'), [at('::')]), true);
    assert.equal(isOwnEndpoint(at('127.0.0.1'), [at('::')]), false);
    assert.equal(isOwnEndpoint(at('2001:db8::1'), [at('::')]), false);
    assert.equal(isOwnEndpoint(at('127.0.0.1'), [at('192.0.2.1'), at('127.0.0.1')]), true);
  });
});
