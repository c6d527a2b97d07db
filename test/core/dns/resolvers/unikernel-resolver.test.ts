import assert from 'node:assert/strict';
import type { DnsAnswer, RecordsAnswer, Resolver } from '#core/contracts/resolver.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { JitsuError } from '#core/errors.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { FakeSource } from '../../../support/dns-source.js';
import { aQuery, tcpClient, udpClient } from '../../../support/dns-query.js';
import { FakeSummons } from '../../../support/dns-summons.js';
import { aUnikernel, type StagedUnikernel } from '../../../support/dns-unikernel.js';

const never = new AbortController().signal;

class Stage {
  readonly clock = new ManualClock(5_000);
  readonly log = new DnsLog();
  readonly resolver: UnikernelResolver<StagedUnikernel>;

  constructor(
    unikernels: StagedUnikernel[],
    readonly summons = new FakeSummons(),
    zones: { name: string; authoritative: boolean }[] = [],
    elsewhere?: Resolver,
  ) {
    this.resolver = new UnikernelResolver(
      unikernels,
      summons,
      { zones, ttl: 30_000 },
      { clock: this.clock, logger: this.log, elsewhere },
    );
  }

  async ask(name: string, type = 'A', signal = never): Promise<RecordsAnswer | undefined> {
    return (await this.answer(name, type, signal)) as RecordsAnswer | undefined;
  }

  async answer(name: string, type: string, signal = never): Promise<DnsAnswer | undefined> {
    return this.resolver.resolve(aQuery(name, { type }), signal);
  }
}

const addressesIn = (answer: DnsAnswer | undefined): string[] =>
  answer !== undefined && 'answers' in answer
    ? (answer.answers ?? []).map((record) => ('address' in record ? record.address : ''))
    : [];
const assertNoData = (answer: RecordsAnswer | undefined): void => {
  assert.equal(answer?.rcode, 0);
  assert.deepEqual(answer.answers ?? [], []);
  assert.equal(answer.authorities?.[0]?.type, 'SOA');
};

describe('the resolver of unikernels', () => {
  it('summons the unikernel behind a name, and answers with its address when it is up', async () => {
    const www = aUnikernel();
    const stage = new Stage([www], new FakeSummons(false));
    const asked = stage.ask('www.example.org');
    assert.deepEqual(stage.summons.calls, [
      { unikernel: 'www', cause: { kind: 'query', name: 'www.example.org', type: 'A', client: '127.0.0.1' } },
    ]);
    stage.summons.raise(www);
    const { lease, ...answer } = (await asked) ?? { rcode: NaN };
    assert.equal(lease?.holds, true);
    assert.deepEqual(answer, {
      rcode: 0,
      authoritative: true,
      answers: [{ name: 'www.example.org', type: 'A', ttl: 60, address: '192.0.2.7' }],
    });
  });

  it('summons for A one whose addresses its backend has yet to find out, and answers with those', async () => {
    const www = aUnikernel({ addresses: [], findsAddresses: true });
    const stage = new Stage([www], new FakeSummons(false));
    assertNoData(await stage.ask('www.example.org', 'AAAA'));
    assert.deepEqual(stage.summons.calls, []);
    const asked = stage.ask('www.example.org');
    www.foundAddresses = ['2001:db8::9', '192.0.2.9'];
    stage.summons.raise(www);
    assert.deepEqual(addressesIn(await asked), ['192.0.2.9']);
    www.ready = true;
    assert.deepEqual(addressesIn(await stage.ask('www.example.org', 'AAAA')), ['2001:db8::9']);
  });

  it('has no data where the addresses found out are of the other family, and wakes nothing without addresses', async () => {
    const www = aUnikernel({ addresses: [], findsAddresses: true });
    const stage = new Stage([www], new FakeSummons(false));
    const asked = stage.ask('www.example.org');
    www.foundAddresses = ['2001:db8::9'];
    stage.summons.raise(www);
    assertNoData(await asked);
    const nowhere = new Stage([aUnikernel({ addresses: [] })]);
    assertNoData(await nowhere.ask('www.example.org'));
    assert.deepEqual(nowhere.summons.calls, []);
  });

  it('answers for one that is ready without a summon', async () => {
    const www = aUnikernel();
    www.ready = true;
    const stage = new Stage([www]);
    assert.deepEqual(addressesIn(await stage.ask('www.example.org')), ['192.0.2.7']);
    assert.deepEqual(stage.summons.calls, []);
  });

  it('answers with the address of one of which its backend knows nothing, once the summon resolves', async () => {
    assert.deepEqual(addressesIn(await new Stage([aUnikernel()]).ask('www.example.org')), ['192.0.2.7']);
  });

  it('wakes for AAAA only what has an IPv6 address', async () => {
    const six = aUnikernel({ name: 'six', addresses: ['2001:db8::7'] });
    const stage = new Stage([aUnikernel(), six]);
    assert.deepEqual(addressesIn(await stage.ask('www.example.org', 'AAAA')), ['2001:db8::7']);
    assert.deepEqual(
      stage.summons.calls.map(({ unikernel }) => unikernel),
      ['six'],
    );
    assertNoData(await new Stage([aUnikernel()]).ask('www.example.org', 'AAAA'));
  });

  for (const type of ['MX', 'TXT', 'HTTPS', 'SVCB', 'NS', 'SOA', 'CAA']) {
    it(`answers ${type} with no data and the zone's SOA, and wakes nothing`, async () => {
      const www = aUnikernel();
      const stage = new Stage([www]);
      assertNoData(await stage.ask('www.example.org', type));
      assert.deepEqual(stage.summons.calls, []);
      assert.equal(www.counters.get('www.example.org')?.requests, 0);
    });
  }

  it('answers ANY with one small record and the TTL of the name, over UDP and TCP, and wakes nothing (RFC 8482)', async () => {
    const www = aUnikernel({ ttl: 90_000 });
    const stage = new Stage([www], new FakeSummons(), [{ name: 'lab.test', authoritative: true }]);
    const data = Buffer.from('\x07RFC8482\0', 'latin1');
    for (const client of [udpClient, tcpClient]) {
      const query = aQuery('www.example.org', { type: 'ANY' }, client);
      const answers = [{ name: 'www.example.org', type: 13, ttl: 90, data }];
      assert.deepEqual(await stage.resolver.resolve(query, never), { rcode: 0, authoritative: true, answers });
    }
    assert.deepEqual((await stage.ask('lab.test', 'ANY'))?.answers, [{ name: 'lab.test', type: 13, ttl: 30, data }]);
    assert.equal((await stage.ask('nobody.lab.test', 'ANY'))?.rcode, 3);
    assert.deepEqual(stage.summons.calls, []);
    assert.equal(www.counters.get('www.example.org')?.requests, 0);
  });

  it('answers HTTPS and SVCB with the records that a unikernel has, once it is up (RFC 9460)', async () => {
    const [one, two] = [Uint8Array.of(0, 1, 0), Uint8Array.of(0, 2, 0)];
    const www = aUnikernel({ https: [one, two] });
    const other = aUnikernel({ name: 'other', svcb: [one] });
    const stage = new Stage([www, other], new FakeSummons(false));
    const asked = stage.ask('www.example.org', 'HTTPS');
    assert.deepEqual(stage.summons.calls, [
      { unikernel: 'www', cause: { kind: 'query', name: 'www.example.org', type: 'HTTPS', client: '127.0.0.1' } },
    ]);
    stage.summons.raise(www);
    const head = { name: 'www.example.org', type: 65, ttl: 60 };
    assert.deepEqual((await asked)?.answers, [
      { ...head, data: one },
      { ...head, data: two },
    ]);
    const service = stage.ask('www.example.org', 'SVCB');
    stage.summons.raise(other);
    assert.deepEqual((await service)?.answers, [{ ...head, type: 64, data: one }]);
    assert.equal(www.counters.get('www.example.org')?.requests, 1);
  });

  it('gives an HTTPS record that several unikernels have once', async () => {
    const [one, two] = ['one', 'two'].map((name) => aUnikernel({ name, https: [Uint8Array.of(0, 1, 0)] }));
    const stage = new Stage([one as StagedUnikernel, two as StagedUnikernel]);
    assert.equal((await stage.ask('www.example.org', 'HTTPS'))?.answers?.length, 1);
    assert.equal(stage.summons.calls.length, 2);
  });

  it('answers PTR for a mapped address, and wakes nothing', async () => {
    const stage = new Stage([aUnikernel()]);
    const answer = await stage.ask('7.2.0.192.in-addr.arpa', 'PTR');
    const head = { name: '7.2.0.192.in-addr.arpa', ttl: 60 };
    assert.deepEqual(answer?.answers, [{ ...head, type: 'PTR', target: 'www.example.org' }]);
    assert.equal(await stage.ask('8.2.0.192.in-addr.arpa', 'PTR'), undefined);
    assert.deepEqual(stage.summons.calls, []);
  });

  it('answers SOA at the top of a zone, with the start in seconds as serial', async () => {
    const open = [{ name: 'example.org', authoritative: false }];
    for (const [names, zones, top] of [
      [['www.example.org'], open, 'example.org'],
      [['www.jitsu.test'], [], 'jitsu.test'],
    ] as const) {
      const stage = new Stage([aUnikernel({ names })], undefined, [...zones]);
      const [soa] = (await stage.ask(top, 'SOA'))?.answers ?? [];
      assert.ok(soa?.type === 'SOA');
      assert.deepEqual([soa.name, soa.serial, soa.ttl, soa.minimum], [top, 5, 30, 30]);
    }
  });

  it('leaves the SOA of a parent that nobody gave it to the next resolver', async () => {
    const stage = new Stage([aUnikernel({ names: ['example.com', 'www.example.org'] })]);
    for (const name of ['com', 'org', 'example.org']) assert.equal(await stage.ask(name, 'SOA'), undefined, name);
    const denied = await stage.ask('example.com', 'AAAA');
    assert.equal(denied?.authorities?.[0]?.name, 'example.com');
  });

  describe('where others may have records of other types', () => {
    const OTHERS = ['SOA', 'NS', 'MX', 'TXT', 'CAA', 'CNAME', 'SRV', 'DS'];
    const mx: RecordsAnswer = {
      rcode: 0,
      answers: [{ name: 'www.example.org', type: 15, ttl: 9, data: new Uint8Array() }],
    };
    const known: DnsAnswer = { rcode: 3, authorities: [{ name: 'org', type: 'NS', ttl: 5, target: 'ns.org' }] };
    const stageWith = (said: DnsAnswer | undefined, zones: { name: string; authoritative: boolean }[] = []) => {
      const source = new FakeSource(() => said);
      const www = aUnikernel({ names: ['www.example.org', '*.example.org', 'www.jitsu.test', 'www.lab.test'] });
      return { source, stage: new Stage([www], new FakeSummons(), zones, source) };
    };

    it('asks for them, and wakes nothing', async () => {
      const { stage, source } = stageWith(mx);
      for (const type of OTHERS) assert.equal(await stage.answer('any.example.org', type), mx, type);
      assert.equal(source.queries.length, OTHERS.length);
      assert.deepEqual(stage.summons.calls, []);
    });

    it('keeps those by which one connects, and ANY, to itself', async () => {
      const { stage, source } = stageWith(mx);
      for (const type of ['A', 'AAAA', 'HTTPS', 'SVCB', 'ANY'])
        assert.notEqual(await stage.answer('www.example.org', type), mx);
      assert.deepEqual(source.queries, []);
    });

    it('has no data where they say that there is no such name, with the SOA of whose zone it is', async () => {
      const { stage } = stageWith(known);
      assert.deepEqual(await stage.answer('www.example.org', 'MX'), { ...known, rcode: 0 });
      const below = await stage.ask('www.jitsu.test', 'MX');
      assert.deepEqual([below?.rcode, below?.authorities?.[0]?.name], [0, 'jitsu.test']);
      const given = await stageWith(known, [{ name: 'example.org', authoritative: false }]).stage.ask(
        'www.example.org',
        'MX',
      );
      assert.deepEqual([given?.rcode, given?.authorities?.[0]?.name], [0, 'example.org']);
    });

    it('asks nobody about a name in an authoritative zone', async () => {
      const { stage, source } = stageWith(mx, [{ name: 'lab.test', authoritative: true }]);
      assertNoData(await stage.ask('www.lab.test', 'MX'));
      assert.deepEqual(source.queries, []);
    });

    it('has no data, and no lease of that, where the query is not passed on', async () => {
      const { stage } = stageWith(undefined);
      const answer = await stage.ask('www.example.org', 'MX');
      assertNoData(answer);
      assert.equal(answer?.lease, undefined);
    });
  });

  it('leaves a name that is nobody’s to the next resolver', async () => {
    const stage = new Stage([aUnikernel()]);
    assert.equal(await stage.ask('other.example.org'), undefined);
    assert.equal(await stage.ask('example.org'), undefined);
    assert.equal(await stage.ask('org'), undefined);
  });

  it('denies a name that is nobody’s in an authoritative zone, but not one that has names below it', async () => {
    const stage = new Stage([aUnikernel({ names: ['a.b.lab.test'] })], undefined, [
      { name: 'lab.test', authoritative: true },
    ]);
    const denied = await stage.ask('x.lab.test');
    assert.deepEqual([denied?.rcode, denied?.authoritative, denied?.authorities?.[0]?.name], [3, true, 'lab.test']);
    assertNoData(await stage.ask('b.lab.test'));
    assertNoData(await stage.ask('lab.test'));
  });

  it('wakes by a wildcard, answers for the name that was asked, and counts for the wildcard', async () => {
    const all = aUnikernel({ names: ['*.example.org'] });
    const answer = await new Stage([all]).ask('shop.example.org');
    assert.equal(answer?.answers?.[0]?.name, 'shop.example.org');
    assert.equal(all.counters.get('*.example.org')?.requests, 1);
  });

  it('counts a query when it comes and again when its answer goes, but as one', async () => {
    const www = aUnikernel();
    const stage = new Stage([www], new FakeSummons(false));
    const counter = www.counters.get('www.example.org');
    const asked = stage.ask('www.example.org');
    assert.deepEqual([counter?.requests, counter?.lastAsked], [1, 5_000]);
    await stage.clock.advance(700);
    stage.summons.raise(www);
    await asked;
    assert.deepEqual([counter?.requests, counter?.lastAsked], [1, 5_700]);
  });

  it('does not count an answer for which nobody waits any more', async () => {
    const www = aUnikernel();
    const stage = new Stage([www], new FakeSummons(false));
    const controller = new AbortController();
    const asked = stage.ask('www.example.org', 'A', controller.signal);
    controller.abort();
    await stage.clock.advance(700);
    stage.summons.raise(www);
    await asked;
    assert.equal(www.counters.get('www.example.org')?.lastAsked, 5_000);
  });

  describe('with several unikernels behind a name', () => {
    const three = () =>
      [1, 2, 3].map((n) => aUnikernel({ name: `u${n}`, addresses: [`192.0.2.${n}`], ttl: n * 10_000 }));

    it('summons all side by side and returns all, one further on each time, with the lowest TTL', async () => {
      const unikernels = three();
      const stage = new Stage(unikernels, new FakeSummons(false));
      const asked = stage.ask('www.example.org');
      assert.equal(stage.summons.calls.length, 3);
      for (const unikernel of unikernels) stage.summons.raise(unikernel);
      const answer = await asked;
      assert.deepEqual(addressesIn(answer), ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
      assert.deepEqual(
        answer?.answers?.map(({ ttl }) => ttl),
        [10, 10, 10],
      );
      assert.deepEqual(addressesIn(await stage.ask('www.example.org')), ['192.0.2.2', '192.0.2.3', '192.0.2.1']);
      assert.deepEqual(addressesIn(await stage.ask('www.example.org')), ['192.0.2.3', '192.0.2.1', '192.0.2.2']);
    });

    it('leaves out those that fail, and says so in the log', async () => {
      const [one, two, three_] = three() as [StagedUnikernel, StagedUnikernel, StagedUnikernel];
      const stage = new Stage([one, two, three_], new FakeSummons(false));
      const asked = stage.ask('www.example.org');
      stage.summons.raise(one);
      stage.summons.fail(two, new JitsuError('JITSU_SUMMON_DIED', 'u2 died'));
      stage.summons.raise(three_);
      assert.deepEqual(addressesIn(await asked), ['192.0.2.1', '192.0.2.3']);
      assert.match(stage.log.at('warn').join(), /u2 died/);
    });

    it('leaves out one that has died while another took its time', async () => {
      const [one, two] = three() as [StagedUnikernel, StagedUnikernel];
      const stage = new Stage([one, two], new FakeSummons(false));
      const asked = stage.ask('www.example.org');
      stage.summons.raise(one);
      one.ready = false;
      stage.summons.raise(two);
      assert.deepEqual(addressesIn(await asked), ['192.0.2.2']);
    });

    it('fails with the first failure if all fail', async () => {
      const unikernels = three();
      const stage = new Stage(unikernels, new FakeSummons(false));
      const asked = stage.ask('www.example.org');
      for (const unikernel of unikernels.toReversed()) {
        stage.summons.fail(unikernel, new JitsuError('JITSU_SUMMON_DIED', `${unikernel.name} died`));
      }
      await assert.rejects(asked, { code: 'JITSU_SUMMON_DIED', message: 'u1 died' });
    });

    it('answers at once with those that are ready, and wakes the others meanwhile', async () => {
      const [one, two] = three() as [StagedUnikernel, StagedUnikernel];
      two.ready = true;
      const stage = new Stage([one, two], new FakeSummons(false));
      assert.deepEqual(addressesIn(await stage.ask('www.example.org')), ['192.0.2.2']);
      assert.deepEqual(
        stage.summons.calls.map(({ unikernel }) => unikernel),
        ['u1'],
      );
      stage.summons.fail(one, new Error('u1 does not boot'));
      await stage.clock.advance(0);
      assert.match(stage.log.at('warn').join(), /u1 does not boot/);
    });
  });

  describe('where the unikernels of one family fail', () => {
    const died = new JitsuError('JITSU_SUMMON_DIED', 'six died');
    const bothFamilies = (more: object = {}) => {
      const four = aUnikernel({ name: 'four' });
      const six = aUnikernel({ name: 'six', addresses: ['2001:db8::7'], ...more });
      return { four, six, stage: new Stage([four, six], new FakeSummons(false)) };
    };
    const assertLeftToOthers = (answer: RecordsAnswer | undefined): void => {
      assertNoData(answer);
      assert.equal(answer?.authorities?.[0]?.ttl, 5);
      assert.equal(answer?.lease, undefined);
    };

    it('says for a short time that there are none where another family is ready', async () => {
      for (const type of ['AAAA', 'HTTPS']) {
        const { four, six, stage } = bothFamilies({ https: [Uint8Array.of(0, 1, 0)] });
        four.ready = true;
        const asked = stage.ask('www.example.org', type);
        stage.summons.fail(six, died);
        assertLeftToOthers(await asked);
        assert.match(stage.log.at('debug').join(), /left to another family: six died/);
      }
    });

    it('waits for another family that is being summoned, and fails where that fails, too', async () => {
      for (const comes of [true, false]) {
        const { four, six, stage } = bothFamilies();
        const askedFour = stage.ask('www.example.org').catch(() => undefined);
        const asked = stage.ask('www.example.org', 'AAAA');
        four.beginSummon();
        stage.summons.fail(six, died);
        while (stage.summons.calls.length < 3) await Promise.resolve();
        if (comes) stage.summons.raise(four);
        else stage.summons.fail(four, new Error('four died'));
        await askedFour;
        if (comes) assertLeftToOthers(await asked);
        else await assert.rejects(asked, died);
      }
    });

    it('fails where nothing else of the name is up or being summoned', async () => {
      const { six, stage } = bothFamilies();
      const asked = stage.ask('www.example.org', 'AAAA');
      stage.summons.fail(six, died);
      await assert.rejects(asked, died);
      assert.deepEqual(
        stage.summons.calls.map(({ unikernel }) => unikernel),
        ['six'],
      );
    });

    it('says so at once where they have failed before, and tries them again', async () => {
      const { four, six, stage } = bothFamilies();
      four.ready = true;
      six.failure = { at: 0, code: 'JITSU_SUMMON_DIED', reason: 'it died', count: 1, retryAt: 0 };
      assertLeftToOthers(await stage.ask('www.example.org', 'AAAA'));
      assert.equal(stage.summons.calls.length, 1);
      four.ready = false;
      stage.summons.fail(six, died);
      await stage.clock.advance(0);
      six.failure = undefined;
      six.ready = true;
      assert.deepEqual(addressesIn(await stage.ask('www.example.org', 'AAAA')), ['2001:db8::7']);
    });
  });

  describe('gives a lease', () => {
    it('of its addresses where all behind the name are ready, which ends with the first that is not', async () => {
      const [one, two] = [aUnikernel({ name: 'one' }), aUnikernel({ name: 'two', addresses: ['192.0.2.8'] })];
      const stage = new Stage([one, two]);
      one.ready = true;
      assert.equal((await stage.ask('www.example.org'))?.lease, undefined);
      two.ready = true;
      const lease = (await stage.ask('www.example.org'))?.lease;
      assert.equal(lease?.holds, true);
      assert.equal((await stage.ask('www.example.org'))?.lease, lease);
      one.ready = false;
      assert.equal(lease.holds, false);
      assert.equal((await stage.ask('www.example.org'))?.lease, undefined);
    });

    it('whose uses count for the name that is configured', async () => {
      const www = aUnikernel({ names: ['*.example.org', 'www.example.org'] });
      www.ready = true;
      const stage = new Stage([www]);
      (await stage.ask('any.example.org'))?.lease?.used?.(5);
      assert.deepEqual(
        [...www.counters.values()].map(({ requests }) => requests),
        [6, 0],
      );
    });

    it('that never ends and is not counted of what wakes nothing', async () => {
      const www = aUnikernel();
      const stage = new Stage([www]);
      for (const type of ['AAAA', 'MX', 'HTTPS']) {
        const lease = (await stage.ask('www.example.org', type))?.lease;
        assert.equal(lease?.holds, true);
        assert.ok(!('used' in lease));
      }
    });

    it('of no answer that an address yet to be found out would change', async () => {
      const [www, seeker] = [
        aUnikernel({ addresses: ['2001:db8::7'] }),
        aUnikernel({ addresses: [], findsAddresses: true }),
      ];
      www.ready = true;
      assert.equal((await new Stage([seeker]).ask('www.example.org', 'AAAA'))?.lease, undefined);
      const stage = new Stage([www, seeker]);
      assert.equal((await stage.ask('www.example.org', 'AAAA'))?.lease, undefined);
      seeker.foundAddresses = ['192.0.2.9'];
      seeker.ready = true;
      const lease = (await stage.ask('www.example.org', 'AAAA'))?.lease;
      assert.equal(lease?.holds, true);
      seeker.ready = false;
      assert.equal(lease.holds, false);
    });
  });
});
