import assert from 'node:assert/strict';
import type { DnsSettings, Endpoint } from '#core/config/settings.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
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
