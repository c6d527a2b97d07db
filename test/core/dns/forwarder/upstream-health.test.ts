import assert from 'node:assert/strict';
import type { DnsSettings } from '#core/config/settings.js';
import type { Endpoint } from '#core/net/endpoint.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { UpstreamHealth } from '#core/dns/forwarder/upstream-health.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { aQuery } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { addressFor, FakeUpstream, replyTo } from '../../../support/dns-upstream.js';
import { describeOverUdp } from '../../../support/udp-transports.js';

const never = new AbortController().signal;

describeOverUdp('the health of upstreams', (transport) => {
  let clock: ManualClock;
  let log: DnsLog;
  let answering: boolean[];
  let servers: FakeUpstream[];
  let forwarder: Forwarder;

  const start = async (count: number, settings: Partial<DnsSettings> = {}): Promise<void> => {
    [clock, log, servers, answering] = [new ManualClock(), new DnsLog(), [], Array<boolean>(count).fill(true)];
    for (let index = 0; index < count; index++) {
      const server = await FakeUpstream.start((query) =>
        answering[index] === true ? [replyTo(query, addressFor(query, `192.0.2.${index}`))] : [],
      );
      servers.push(server);
    }
    const forwarders: Endpoint[] = servers.map(({ endpoint }) => endpoint);
    const given = dnsSettings({ forwarders, transport, ...settings });
    forwarder = new Forwarder(given, { clock, logger: log, listening: () => [] });
    await forwarder.open();
  };

  afterEach(async () => {
    forwarder.close();
    assert.equal(clock.pending, 0);
    for (const server of servers) await server[Symbol.asyncDispose]();
  });

  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };
  const asked = (): number[] => servers.map(({ queries }) => queries.length);
  const ask = async () => forwarder.resolve(aQuery('a.test'), never);
  /** Asks while the first does not answer, so that the second has to. */
  const askInVain = async (): Promise<void> => {
    const before = servers[0]?.queries.length ?? 0;
    const answer = ask();
    await until(() => (servers[0]?.queries.length ?? 0) > before);
    await clock.advance(2_000);
    await answer;
  };

  it('passes over one that failed three times in a row, says so once, and takes it back when it answers', async () => {
    await start(2);
    answering[0] = false;
    for (let round = 0; round < 3; round++) await askInVain();
    const [before = 0] = asked();
    await ask();
    await ask();
    assert.equal(asked()[0], before, 'not asked any more');
    assert.equal(log.at('warn').length, 1);
    assert.match(log.at('warn').join(), /is left out until it answers again: no answer within 2 s/);

    answering[0] = true;
    await clock.advance(1_000);
    await ask();
    await until(() => log.at('info').length === 1);
    assert.match(log.at('info').join(), /answers again/);
    const [, second] = asked();
    await ask();
    assert.equal(asked()[1], second, 'the first is asked again');
  });

  it('tries one that is down less and less often', async () => {
    await start(2);
    answering[0] = false;
    for (let round = 0; round < 3; round++) await askInVain();
    const probes: number[] = [];
    for (let second = 0; second < 40; second++) {
      const [before = 0] = asked();
      await clock.advance(1_000);
      await ask();
      await clock.advance(0);
      const [after = 0] = asked();
      if (after > before && probes.at(-1) !== second - 1) probes.push(second);
    }
    const gaps = probes.slice(1).map((second, index) => second - (probes[index] ?? 0));
    assert.ok(probes.length >= 3 && probes.length <= 7, `probes at ${probes.join(', ')}`);
    assert.ok((gaps.at(-1) ?? 0) > (gaps[0] ?? 0), `gaps of ${gaps.join(', ')} s`);
    assert.equal(log.at('warn').length, 1);
  });

  it('asks all when all are down', async () => {
    await start(1);
    answering[0] = false;
    for (let round = 1; round <= 4; round++) {
      const before = servers[0]?.queries.length ?? 0;
      const failing = assert.rejects(ask(), { code: 'JITSU_FORWARD_FAILED' });
      await until(() => (servers[0]?.queries.length ?? 0) > before);
      await clock.advance(2_000);
      await failing;
    }
    answering[0] = true;
    await ask();
    assert.equal(log.at('info').length, 1);
  });

  it('lets them take turns where that is wanted', async () => {
    await start(3, { forwardOrder: 'round-robin' });
    for (let round = 0; round < 9; round++) await ask();
    assert.deepEqual(asked(), [3, 3, 3]);
  });

  it('picks one at random where that is wanted', async () => {
    await start(3, { forwardOrder: 'random' });
    for (let round = 0; round < 90; round++) await ask();
    assert.ok(
      asked().every((count) => count > 10),
      asked().join(),
    );
  });
});

describe('the health of one upstream', () => {
  const timeout = new Error('no answer within 2 s');
  let log: DnsLog;
  let changes: number;
  let health: UpstreamHealth;

  beforeEach(() => {
    [log, changes] = [new DnsLog(), 0];
    health = new UpstreamHealth('192.0.2.53:53', log, () => (changes += 1));
  });

  const goDown = (now: number): void => {
    for (let count = 0; count < 3; count++) health.failed(now, now, timeout);
  };
  /** After how many milliseconds it is probed, from `now` on. */
  const rest = (now: number): number => {
    let time = 0;
    while (!health.takeProbe(now + time)) time += 250;
    return time;
  };

  it('is down after three failures in a row, and not after two and an answer', () => {
    for (let round = 0; round < 3; round++) {
      health.failed(0, 0, timeout);
      health.failed(0, 0, timeout);
      assert.equal(health.down, false);
      health.answered(5);
    }
    assert.equal(changes, 0);
    goDown(0);
    assert.deepEqual([health.down, changes], [true, 1]);
    health.answered();
    assert.deepEqual([health.down, changes, log.at('warn').length, log.at('info').length], [false, 2, 1, 1]);
  });

  it('rests for 1 s, twice as long after each failed probe, and never for more than a minute', () => {
    const rests: number[] = [];
    let now = 0;
    goDown(now);
    for (let probe = 0; probe < 9; probe++) {
      const waited = rest(now);
      rests.push(waited);
      now += waited;
      health.failed(now, now + 2_000, timeout);
      now += 2_000;
    }
    assert.deepEqual(
      rests.map((each) => each / 1_000),
      [1, 2, 4, 8, 16, 32, 60, 60, 60],
    );
  });

  it('rests for 1 s again when it goes down anew', () => {
    goDown(0);
    for (let probe = 0; probe < 4; probe++) health.failed(1_000, 1_000, timeout);
    health.answered();
    goDown(2_000);
    assert.equal(rest(2_000), 1_000);
  });

  it('rests no longer for what was under way before it was found down', () => {
    goDown(2_000);
    for (let late = 0; late < 10; late++) health.failed(1_999, 2_100, timeout);
    assert.equal(rest(2_000), 1_000);
    assert.equal(changes, 1);
  });

  it('is probed once a rest', () => {
    goDown(0);
    assert.deepEqual(
      [999, 1_000, 1_001, 1_999, 2_000].map((now) => health.takeProbe(now)),
      [false, true, false, false, true],
    );
  });

  it('is asked again after twice its usual time, within 250 ms and the time that is left', () => {
    assert.equal(health.repeatAfter(1_000), 1_000, 'nothing is known yet');
    health.answered(10);
    assert.equal(health.repeatAfter(1_000), 250);
    health.answered();
    assert.equal(health.repeatAfter(1_000), 250, 'an answer of unknown time tells nothing of it');
    for (let count = 0; count < 40; count++) health.answered(200);
    assert.equal(Math.round(health.repeatAfter(1_000) / 10), 40);
    for (let count = 0; count < 40; count++) health.answered(900);
    assert.equal(health.repeatAfter(1_000), 1_000);
  });

  it('moves its usual time by an eighth of the way to the latest', () => {
    health.answered(800);
    assert.equal(health.repeatAfter(9_000), 1_600);
    health.answered(1_600);
    assert.equal(health.repeatAfter(9_000), 1_800);
  });

  it('rests longer for what was sent in the moment in which it was found down', () => {
    goDown(2_000);
    health.failed(2_000, 2_100, timeout);
    assert.equal(rest(2_100), 2_000);
    assert.equal(changes, 2);
  });

  it('has no rest left for an upstream that is up', () => {
    assert.equal(health.takeProbe(1_000_000), false);
    health.failed(0, 0, timeout);
    health.failed(0, 0, timeout);
    assert.deepEqual([health.takeProbe(1_000_000), changes, log.entries], [false, 0, []]);
    health.failed(0, 0, timeout);
    assert.deepEqual(log.entries[0]?.fields, { upstream: '192.0.2.53:53' });
    health.answered();
    assert.deepEqual(log.entries[1]?.fields, { upstream: '192.0.2.53:53' });
  });
});
