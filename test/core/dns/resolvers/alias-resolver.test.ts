import assert from 'node:assert/strict';
import type { DnsSettings } from '#core/config/settings.js';
import type { DnsAnswer } from '#core/contracts/resolver.js';
import { PROOF_WANTED } from '#core/dns/admission/proof-answer.js';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { AliasResolver } from '#core/dns/resolvers/alias-resolver.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { writeAnswer } from '#core/dns/wire/response-writer.js';
import { JitsuError } from '#core/errors.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { CacheStage } from '../../../support/dns-cache-stage.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, extendedErrorIn, type QueryOptions, type Reply } from '../../../support/dns-message.js';
import { aQuery, tcpClient, udpClient } from '../../../support/dns-query.js';
import type { sourceMessage } from '../../../support/dns-source.js';
import { aSoa, type SourceRecord } from '../../../support/dns-source.js';
import { FakeSummons } from '../../../support/dns-summons.js';
import { aUnikernel, type StagedUnikernel } from '../../../support/dns-unikernel.js';

type Parts = Parameters<typeof sourceMessage>[1];

const never = new AbortController().signal;
const record = (type: string, name: string, data: unknown): SourceRecord => ({ type, name, ttl: 300, data });
const alias = (name: string, data: string): SourceRecord => record('CNAME', name, data);
const a = (name: string, data: string): SourceRecord => record('A', name, data);
const shop = alias('shop.example.net', 'www.example.org');
const elsewhere = a('www.example.org', '198.51.100.1');

describe('a CNAME record of an upstream', () => {
  const stages: CacheStage[] = [];
  afterEach(() => {
    for (const stage of stages.splice(0)) stage[Symbol.dispose]();
  });

  const stageOf = (
    parts: Parts,
    {
      unikernels = [aUnikernel()] as StagedUnikernel[],
      atOnce = true,
      rebindProtection = false as DnsSettings['rebindProtection'],
    } = {},
  ) => {
    const upstream = new CacheStage().say(parts);
    stages.push(upstream);
    const summons = new FakeSummons(atOnce);
    const zones = [{ name: 'lab.test', authoritative: true }];
    const deps = { clock: new ManualClock(), logger: new DnsLog() };
    const local = new UnikernelResolver(unikernels, summons, { zones, ttl: 30_000 }, deps);
    const resolver = new AliasResolver(upstream.cache, local, new AnswerScrubber({ rebindProtection }));
    const answer = async (name: string, options: QueryOptions = {}, client = tcpClient): Promise<DnsAnswer> =>
      (await resolver.resolve(aQuery(name, options, client), never)) as DnsAnswer;
    const ask = async (name: string, options: QueryOptions = {}, client = tcpClient): Promise<Reply> => {
      const query = aQuery(name, { edns: {}, ...options }, client);
      const given = (await resolver.resolve(query, never)) as DnsAnswer;
      return decodeReply(writeAnswer(query, given, true));
    };
    return { upstream, summons, local, answer, ask };
  };
  const answersIn = ({ answers = [] }: Reply): unknown[] =>
    answers.map((each) => ('data' in each ? [each.name, each.type, each.data] : each));

  it('that leads to a unikernel wakes it, and its answer is whole, with and without a cached one', async () => {
    const www = aUnikernel();
    for (const parts of [
      { answers: [shop, elsewhere] },
      { answers: [elsewhere, shop] },
      { rcode: 3, answers: [shop], authorities: [aSoa('example.org', 60, 60)] },
    ]) {
      const { ask, summons, upstream } = stageOf(parts, { unikernels: [www] });
      for (const client of [udpClient, tcpClient]) {
        const reply = await ask('shop.example.net', {}, client);
        assert.equal(reply.rcode, 'NOERROR');
        assert.equal(reply.flag_aa, false);
        assert.deepEqual(answersIn(reply), [
          ['shop.example.net', 'CNAME', 'www.example.org'],
          ['www.example.org', 'A', '192.0.2.7'],
        ]);
      }
      assert.equal(upstream.asked, 1);
      assert.deepEqual(
        summons.calls.map(({ cause }) => cause.kind === 'query' && cause.name),
        ['www.example.org', 'www.example.org'],
      );
    }
    assert.equal(www.counters.get('www.example.org')?.requests, 6);
  });

  it('waits for the boot, and fails as the name itself would', async () => {
    const www = aUnikernel();
    const { answer, summons } = stageOf({ answers: [shop] }, { unikernels: [www], atOnce: false });
    const asked = answer('shop.example.net');
    while (summons.calls.length === 0) await Promise.resolve();
    summons.fail(www, new JitsuError('JITSU_SUMMON_DIED', 'www died'));
    await assert.rejects(asked, { code: 'JITSU_SUMMON_DIED' });
  });

  it('has no lease and no time until which it may be given again: each query has to count', async () => {
    const www = aUnikernel();
    www.ready = true;
    const { answer } = stageOf({ answers: [shop, elsewhere] }, { unikernels: [www] });
    for (let time = 0; time < 3; time += 1) {
      const given = await answer('shop.example.net');
      assert.ok(!('lease' in given) && !('reusableUntil' in given));
    }
  });

  it('is followed to the first name of ours in a chain, and no further', async () => {
    const { ask } = stageOf({
      answers: [
        alias('shop.example.net', 'cdn.example.net'),
        alias('cdn.example.net', 'www.example.org'),
        alias('www.example.org', 'far.example.org'),
        a('far.example.org', '198.51.100.1'),
      ],
    });
    assert.deepEqual(answersIn(await ask('shop.example.net')), [
      ['shop.example.net', 'CNAME', 'cdn.example.net'],
      ['cdn.example.net', 'CNAME', 'www.example.org'],
      ['www.example.org', 'A', '192.0.2.7'],
    ]);
  });

  it('keeps the DNAME record that it is made of, and the signatures on the way, and nothing behind', async () => {
    const signature = (name: string, typeCovered: string) =>
      record('RRSIG', name, {
        ...{ typeCovered, algorithm: 13, labels: 2, originalTTL: 300, expiration: 2, inception: 1, keyTag: 7 },
        ...{ signersName: 'example.net', signature: Buffer.from('signed') },
      });
    const { ask } = stageOf({
      answers: [
        record('DNAME', 'old.example.net', 'example.org'),
        signature('old.example.net', 'DNAME'),
        alias('www.old.example.net', 'www.example.org'),
        signature('www.old.example.net', 'CNAME'),
        elsewhere,
        signature('www.example.org', 'A'),
        record('DNAME', 'other.example.org', 'example.com'),
      ],
    });
    const { answers } = await ask('www.old.example.net', { edns: { dnssecOk: true } });
    assert.deepEqual(
      answers?.map(({ name, type }) => `${type} ${name}`),
      [
        ...['DNAME old.example.net', 'RRSIG old.example.net'],
        ...['CNAME www.old.example.net', 'RRSIG www.old.example.net', 'A www.example.org'],
      ],
    );
  });

  it('says that our name has no such records, or that there is none in a zone of ours', async () => {
    const { ask, summons } = stageOf({ answers: [shop, record('AAAA', 'www.example.org', '2001:db8::1')] });
    const reply = await ask('shop.example.net', { type: 'AAAA' });
    assert.deepEqual([reply.rcode, answersIn(reply).length], ['NOERROR', 1]);
    assert.deepEqual(
      reply.authorities?.map(({ type, name }) => [type, name]),
      [['SOA', 'www.example.org']],
    );
    assert.deepEqual(summons.calls, []);
    const gone = await stageOf({ answers: [alias('shop.example.net', 'x.lab.test')] }).ask('shop.example.net');
    assert.deepEqual([gone.rcode, answersIn(gone).length, gone.authorities?.[0]?.name], ['NXDOMAIN', 1, 'lab.test']);
  });

  it('refuses what may not wake, without the records on the way', async () => {
    const { upstream, local } = stageOf({ answers: [shop] });
    local.resolve = () => PROOF_WANTED;
    const resolver = new AliasResolver(upstream.cache, local, new AnswerScrubber({ rebindProtection: false }));
    assert.equal(await resolver.resolve(aQuery('shop.example.net'), never), PROOF_WANTED);
  });

  it('leaves other types to the upstream, but for that our name does not exist', async () => {
    const denied = { rcode: 3, answers: [shop], authorities: [aSoa('example.org', 60, 60)] };
    const { ask, summons } = stageOf(denied);
    for (const type of ['MX', 'TXT', 'CNAME']) {
      const reply = await ask('shop.example.net', { type });
      assert.deepEqual([reply.rcode, reply.authorities?.[0]?.name], ['NOERROR', 'example.org'], type);
    }
    assert.deepEqual(summons.calls, []);
    const other = await stageOf({ ...denied, answers: [alias('shop.example.net', 'x.example.org')] }).ask(
      'shop.example.net',
      { type: 'MX' },
    );
    assert.equal(other.rcode, 'NXDOMAIN');
  });

  it('leads nowhere inside where addresses inside are dropped (rebinding), unless the name is excepted', async () => {
    const unikernels = [
      aUnikernel({ addresses: ['10.0.0.7'], https: [Uint8Array.of(0, 1, 0, 0, 4, 0, 4, 10, 0, 0, 7)] }),
    ];
    const parts = { answers: [shop] };
    for (const type of ['A', 'HTTPS']) {
      const guarded = await stageOf(parts, { unikernels, rebindProtection: { except: [] } }).ask('shop.example.net', {
        type,
      });
      assert.deepEqual([guarded.rcode, guarded.answers, extendedErrorIn(guarded)?.code], ['NOERROR', [], 17]);
      const excepted = await stageOf(parts, { unikernels, rebindProtection: { except: ['example.net'] } }).ask(
        'shop.example.net',
        { type },
      );
      assert.equal(excepted.answers?.length, 2);
    }
  });

  it('is followed where a long answer is cut for UDP', async () => {
    const many = Array.from({ length: 90 }, (_, index) => a('www.example.org', `198.51.100.${index}`));
    const { ask } = stageOf({ answers: [shop, ...many] });
    for (const client of [tcpClient, udpClient]) {
      assert.equal((await ask('shop.example.net', {}, client)).answers?.length, 2);
    }
  });

  describe('whose target is no name of ours', () => {
    const far = a('far.example.net', '198.51.100.1');
    const counted = (stage: ReturnType<typeof stageOf>): { looks: number } => {
      const count = { looks: 0 };
      const { local } = stage;
      const answersFor = local.answersFor.bind(local);
      local.answersFor = (name) => {
        count.looks += 1;
        return answersFor(name);
      };
      return count;
    };

    it('is looked at once, and not again for as long as its answer is cached', async () => {
      const stage = stageOf({ answers: [alias('shop.example.net', 'far.example.net'), far] });
      const count = counted(stage);
      for (let time = 0; time < 5; time += 1) await stage.answer('shop.example.net');
      assert.deepEqual([count.looks, stage.upstream.asked], [1, 1]);
      stage.upstream.cache.flush();
      await stage.answer('shop.example.net');
      assert.deepEqual([count.looks, stage.upstream.asked], [2, 2]);
    });

    it('is looked at once, too, where a name of ours is beside the way', async () => {
      const stage = stageOf({
        answers: [alias('shop.example.net', 'far.example.net'), alias('other.example.net', 'www.example.org'), far],
      });
      const count = counted(stage);
      for (let time = 0; time < 3; time += 1) {
        const given = await stage.answer('shop.example.net');
        assert.ok('message' in given);
      }
      assert.deepEqual([count.looks, stage.summons.calls], [2, []]);
    });

    it('is found behind more records than are looked at one by one', async () => {
      const more = Array.from({ length: 40 }, (_, index) => alias(`n${index}.example.net`, `m${index}.example.net`));
      const { ask } = stageOf({ answers: [...more, shop] });
      assert.deepEqual(answersIn(await ask('shop.example.net')), [
        ['shop.example.net', 'CNAME', 'www.example.org'],
        ['www.example.org', 'A', '192.0.2.7'],
      ]);
    });

    it('does not stand for what a client over UDP is not given of a long answer', async () => {
      const many = Array.from({ length: 90 }, (_, index) => a('www.example.org', `198.51.100.${index}`));
      const [first, last] = [alias('shop.example.net', 'cdn.example.net'), alias('cdn.example.net', 'www.example.org')];
      const { ask, upstream, summons } = stageOf({ answers: [first, ...many, last] });
      await upstream.ask('shop.example.net');
      await ask('shop.example.net', {}, udpClient);
      assert.deepEqual(summons.calls, []);
      assert.deepEqual(answersIn(await ask('shop.example.net')).at(-1), ['www.example.org', 'A', '192.0.2.7']);
    });
  });

  it('that leads elsewhere changes nothing', async () => {
    for (const parts of [
      { answers: [alias('shop.example.net', 'far.example.net'), a('far.example.net', '198.51.100.1')] },
      { answers: [a('shop.example.net', '198.51.100.1')] },
      { rcode: 3, authorities: [aSoa('example.net', 60, 60)] },
      { rcode: 2 },
    ]) {
      const { ask, upstream, summons } = stageOf(parts);
      const options = { edns: {} };
      // A failure that is cached says so.
      await ask('shop.example.net', options);
      assert.deepEqual(await ask('shop.example.net', options), await upstream.ask('shop.example.net', options));
      assert.deepEqual(summons.calls, []);
    }
  });
});
