import assert from 'node:assert/strict';
import packet from 'dns-packet';
import { JitsuError } from '#core/errors.js';
import { CacheStage } from '../../../support/dns-cache-stage.js';
import { extendedErrorIn, queryBytes, type Reply } from '../../../support/dns-message.js';
import { anOpt, aSoa, authentic, sourceMessage, type SourceRecord } from '../../../support/dns-source.js';

const HOUR = 3_600_000;
const address = (name: string, ttl: number, data = '192.0.2.1'): SourceRecord => ({ name, type: 'A', ttl, data });
const alias = (name: string, ttl: number, data: string): SourceRecord => ({ name, type: 'CNAME', ttl, data });
const ttlsIn = ({ answers = [], authorities = [] }: Reply): number[] =>
  [...answers, ...authorities].map((record) => ('ttl' in record ? (record.ttl ?? 0) : 0));
const unreachable = new JitsuError('JITSU_FORWARD_FAILED', 'no upstream answered: 192.0.2.53: no answer within 2 s');

describe('the cache', () => {
  describe('of what there is', () => {
    it('answers again without asking, its TTLs counted down, until the lowest TTL has passed', async () => {
      const stage = new CacheStage({ stale: 0 }).say({
        answers: [alias('a.test', 300, 'b.test'), address('b.test', 20)],
        additionals: [anOpt()],
      });
      assert.deepEqual(ttlsIn(await stage.ask('a.test')), [300, 20]);
      await stage.clock.advance(19_999);
      assert.deepEqual(ttlsIn(await stage.ask('A.teST')), [281, 1]);
      assert.equal(stage.asked, 1);
      await stage.clock.advance(1);
      assert.deepEqual(ttlsIn(await stage.ask('a.test')), [300, 20]);
      assert.equal(stage.asked, 2);
    });

    it('keeps names, types, DO, CD and AD apart, and letters of either case together', async () => {
      const stage = new CacheStage().say({ answers: [address('a.test', 60)] });
      const { AUTHENTIC_DATA, CHECKING_DISABLED, RECURSION_DESIRED: RD } = packet;
      const variants = [
        {},
        { edns: { dnssecOk: true } },
        { flags: RD | CHECKING_DISABLED },
        { flags: RD | AUTHENTIC_DATA },
      ];
      for (const options of [...variants, ...variants, { edns: {} }]) await stage.answer('a.test', options);
      await stage.answer('A.TEST');
      assert.equal(stage.asked, variants.length);
      await stage.ask('b.test', { type: 'AAAA' });
      assert.equal(stage.asked, variants.length + 1);
    });

    it('gives no AA, and AD only to those who asked for it', async () => {
      const flags = packet.AUTHORITATIVE_ANSWER | packet.AUTHENTIC_DATA;
      const stage = new CacheStage().say({ flags, answers: [address('a.test', 60)] });
      for (let round = 0; round < 2; round++) {
        const plain = await stage.ask('a.test');
        assert.deepEqual([plain.flag_aa, plain.flag_ad], [false, false]);
        const curious = await stage.ask('a.test', { flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA });
        assert.deepEqual([curious.flag_aa, curious.flag_ad], [false, true]);
        assert.equal((await stage.ask('a.test', { edns: { dnssecOk: true } })).flag_ad, true);
      }
    });

    it('keeps nothing for longer than configured, and says so in the TTL', async () => {
      const stage = new CacheStage({ longestTtl: 10_000 }).say({ answers: [address('a.test', 900)] });
      assert.deepEqual(ttlsIn(await stage.ask('a.test')), [10]);
    });

    it('takes the lowest TTL of an RRset for all of it, and one with the highest bit set for a long one', async () => {
      const stage = new CacheStage().say({
        answers: [address('a.test', 2 ** 31 + 5), address('a.test', 30, '192.0.2.2')],
        authorities: [{ name: 'test', type: 'NS', ttl: 2 ** 32 - 1, data: 'ns.test' }],
      });
      assert.deepEqual(ttlsIn(await stage.ask('a.test')), [30, 30, 86_400]);
    });

    it('leaves the TTLs of other types at one name alone, signatures of them included', async () => {
      const signature = (typeCovered: string, ttl: number) => ({
        ...{ name: 'a.test', type: 'RRSIG', ttl },
        data: {
          ...{ typeCovered, algorithm: 8, labels: 2, originalTTL: 900, expiration: 2, inception: 1, keyTag: 7 },
          ...{ signersName: 'test', signature: Buffer.from('s') },
        },
      });
      const six = { name: 'a.test', type: 'AAAA', ttl: 200, data: '2001:db8::1' };
      const answers = [address('a.test', 300), six, signature('A', 300), signature('AAAA', 200), signature('A', 250)];
      const stage = new CacheStage().say({ answers });
      const reply = await stage.ask('a.test', { edns: { dnssecOk: true } });
      assert.deepEqual(ttlsIn(reply), [300, 200, 250, 200, 250]);
    });

    it('counts the TTLs of all sections, and does not keep what has a TTL of 0', async () => {
      const short = new CacheStage({ stale: 0 }).say({
        answers: [address('a.test', 60)],
        additionals: [address('ns.test', 5)],
      });
      await short.ask('a.test');
      await short.clock.advance(5_000);
      await short.ask('a.test');
      assert.equal(short.asked, 2);
      const none = new CacheStage().say({ answers: [address('a.test', 0)] });
      for (let round = 0; round < 2; round++) assert.deepEqual(ttlsIn(await none.ask('a.test')), [0]);
      assert.equal(none.asked, 2);
    });

    it('keeps what stands behind the OPT record, and counts its TTLs', async () => {
      const stage = new CacheStage().say({
        answers: [address('a.test', 60)],
        additionals: [anOpt(), address('ns.test', 40, '192.0.2.53')],
      });
      await stage.ask('a.test');
      await stage.clock.advance(10_000);
      const [glue, opt] = (await stage.ask('a.test')).additionals ?? [];
      assert.deepEqual([glue?.type === 'A' && [glue.data, glue.ttl], opt?.type], [['192.0.2.53', 30], 'OPT']);
      assert.equal(stage.asked, 1);
    });

    it('passes on the Extended DNS Error of the upstream each time', async () => {
      const blocked = { code: 15, text: 'blocked' };
      const stage = new CacheStage().say({ answers: [address('a.test', 60)], additionals: [anOpt(blocked)] });
      for (let round = 0; round < 2; round++) assert.deepEqual(extendedErrorIn(await stage.ask('a.test')), blocked);
    });

    it('does not keep what is cut, of another rcode, about another question, or no records of that type', async () => {
      const answers = [address('a.test', 60)];
      const cases = [
        { answers, flags: packet.TRUNCATED_RESPONSE },
        { answers, flags: 0x0800 },
        { answers, rcode: 5 },
        { answers, rcode: 3 },
        { answers, additionals: [anOpt(undefined, 1)] },
        { answers: [address('b.test', 60)] },
        { answers: [alias('a.test', 60, 'b.test')] },
        { answers: [alias('a.test', 60, 'b.test'), alias('b.test', 60, 'a.test')] },
        { authorities: [{ name: 'test', type: 'NS', ttl: 60, data: 'ns.test' }] },
      ];
      for (const parts of cases) {
        const stage = new CacheStage().say(parts);
        await stage.answer('a.test');
        await stage.answer('a.test');
        assert.equal(stage.asked, 2, JSON.stringify(parts));
        assert.equal(stage.cache.status.entries, 0);
      }
      for (const [name, type] of [
        ['b.test', 'A'],
        ['a.test', 'CNAME'],
      ] as const) {
        const stage = new CacheStage();
        const record = type === 'A' ? address(name, 60) : alias(name, 60, 'c.test');
        for (const its of [answers, [record]]) {
          const other = sourceMessage({ message: queryBytes(name, { type }) }, { answers: its });
          stage.source.behaviour = () => ({ message: other });
          await stage.answer('a.test');
          assert.equal(stage.cache.status.entries, 0);
        }
      }
    });

    it('asks anew for who does not want recursion, and does not keep what is no message', async () => {
      const stage = new CacheStage();
      stage.source.behaviour = () => ({ rcode: 5 });
      await stage.answer('a.test', { flags: 0 });
      await stage.answer('a.test');
      await stage.answer('a.test');
      assert.equal(stage.asked, 3);
      stage.source.behaviour = () => undefined;
      assert.equal(await stage.answer('a.test'), undefined);
    });

    it('tells nothing of what others have asked to who does not want recursion', async () => {
      const stage = new CacheStage();
      for (const parts of [{ answers: [address('a.test', 60)] }, { rcode: 3, authorities: [aSoa('test', 60, 60)] }]) {
        await stage.say(parts).answer('a.test');
        stage.source.behaviour = ({ recursionDesired }) => ({ rcode: recursionDesired ? 0 : 5 });
        for (const name of ['a.test', 'b.a.test']) {
          assert.deepEqual(await stage.answer(name, { flags: 0 }), { rcode: 5 });
        }
        stage.cache.flush();
      }
      assert.equal(stage.asked, 6);
      assert.equal(stage.cache.status.hits, 0);
    });

    it('keeps what is said of all types, and counts all that it takes', async () => {
      const any = new CacheStage().say({ answers: [address('a.test', 60)] });
      for (let round = 0; round < 2; round++) await any.ask('a.test', { type: 'ANY' });
      assert.equal(any.asked, 1);
      const bytesOf = async (parts: Parameters<CacheStage['say']>[0]): Promise<number> => {
        const stage = new CacheStage().say(parts);
        await stage.ask('gone.test');
        assert.equal(stage.cache.status.entries, 1);
        return stage.cache.status.bytes;
      };
      const authorities = [aSoa('test', 60, 60)];
      const [noData, noName] = [await bytesOf({ authorities }), await bytesOf({ rcode: 3, authorities })];
      assert.equal(noName - noData, 'gone.test'.length + 2 + 100);
      const blocked = await bytesOf({ authorities, additionals: [anOpt({ code: 15, text: 'blocked' })] });
      assert.equal(blocked - noData, 4 + 2 + 'blocked'.length);
    });

    it('keeps nothing where there is no room for it', async () => {
      const stage = new CacheStage({ size: 0 }).say({ answers: [address('a.test', 60)] });
      await stage.ask('a.test');
      await stage.ask('a.test');
      assert.equal(stage.asked, 2);
    });
  });

  describe('of what there is not', () => {
    it('keeps NXDOMAIN and no data for the lower of SOA TTL, SOA MINIMUM and what is configured', async () => {
      for (const rcode of [0, 3]) {
        for (const [ttl, minimum, negativeTtl, kept] of [
          [40, 90, HOUR, 40],
          [90, 40, HOUR, 40],
          [90, 90, 40_000, 40],
        ] as const) {
          const authorities = [aSoa('test', ttl, minimum)];
          const stage = new CacheStage({ negativeTtl, stale: 0 }).say({ rcode, authorities });
          const first = await stage.ask('a.test');
          assert.deepEqual(ttlsIn(first), [kept]);
          await stage.clock.advance(kept * 1_000 - 1);
          const last = await stage.ask('a.test');
          assert.deepEqual([last.rcode, ttlsIn(last)], [first.rcode, [1]]);
          assert.equal(stage.asked, 1);
          await stage.clock.advance(1);
          await stage.ask('a.test');
          assert.equal(stage.asked, 2);
        }
      }
    });

    it('does not keep it without an SOA record, or by one of a zone elsewhere', async () => {
      for (const authorities of [[], [aSoa('other.test', 60, 60)], [aSoa('est', 60, 60)], [aSoa('tesx', 60, 60)]]) {
        const stage = new CacheStage().say({ rcode: 3, authorities });
        await stage.ask('a.test');
        await stage.ask('a.test');
        assert.equal(stage.asked, 2);
      }
    });

    it('does not keep it by an SOA record that is cut short', async () => {
      const stage = new CacheStage();
      stage.source.behaviour = (query) => {
        const zone = [0xc0, 12 + 5];
        const message = Buffer.from([
          ...[...sourceMessage(query, { rcode: 3 }), ...zone, 0, 6, 0, 1, 0, 0, 0, 60, 0, 14, ...zone, ...zone],
          ...[0, 0, 0, 60, 0, 0, 0, 60, 0, 60],
        ]);
        message.writeUInt16BE(1, 8);
        return { message };
      };
      await stage.answer('gone.test');
      await stage.answer('gone.test');
      assert.deepEqual([stage.asked, stage.cache.status.entries], [2, 0]);
    });

    it('does not keep it by an SOA record that stands among the additional records', async () => {
      const stage = new CacheStage().say({ rcode: 3, additionals: [aSoa('test', 60, 60)] });
      await stage.ask('a.test');
      await stage.ask('a.test');
      assert.equal(stage.asked, 2);
    });

    it('reads an SOA record whose names are compressed, and answers by none that is malformed', async () => {
      const zone = [0xc0, 12 + 5];
      const names = [2, ...Buffer.from('ns'), ...zone, 4, ...Buffer.from('post'), ...zone];
      for (const [filling, isUsable] of [
        [[], true],
        [[0], false],
      ] as const) {
        const data = [...names, ...filling, ...[7, 1, 2, 3, 60].flatMap((number) => [0, 0, 0, number])];
        const stage = new CacheStage();
        stage.source.behaviour = (query) => {
          const plain = sourceMessage(query, { rcode: 3 });
          const message = Buffer.from([...plain, ...zone, 0, 6, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]);
          message.writeUInt16BE(1, 8);
          return authentic(message);
        };
        await stage.answer('gone.test');
        await stage.answer('www.gone.test');
        assert.equal(stage.asked, isUsable ? 1 : 2);
        if (isUsable) {
          const [soa] = (await stage.ask('www.gone.test')).authorities ?? [];
          assert.deepEqual(soa?.type === 'SOA' && [soa.name, soa.data.mname, soa.data.rname, soa.data.serial], [
            ...['test', 'ns.test', 'post.test', 7],
          ]);
        }
      }
    });

    it('denies nothing by what is too large to be kept', async () => {
      const stage = new CacheStage({ size: 4_096 }).prove({ rcode: 3, authorities: [aSoa('test', 60, 60)] });
      await stage.ask('gone.test');
      await stage.ask('www.gone.test');
      assert.deepEqual([stage.asked, stage.cache.status.entries], [2, 0]);
    });

    it('follows CNAME records to the name that does not exist or has no data', async () => {
      const answers = [alias('a.test', 50, 'b.other')];
      for (const rcode of [0, 3]) {
        const stage = new CacheStage().say({ rcode, answers, authorities: [aSoa('other', 60, 60)] });
        await stage.ask('a.test');
        assert.deepEqual(ttlsIn(await stage.ask('a.test')), [50, 60]);
        assert.equal(stage.asked, 1);
        const elsewhere = new CacheStage().say({ rcode, answers, authorities: [aSoa('test', 60, 60)] });
        await elsewhere.ask('a.test');
        await elsewhere.ask('a.test');
        assert.equal(elsewhere.asked, 2);
      }
    });

    it('gives NSEC records no longer a life than the negative answer has', async () => {
      const nsec = { name: 'a.test', type: 'NSEC', ttl: 900, data: { nextDomain: 'z.test', rrtypes: ['A'] } };
      const stage = new CacheStage().say({ rcode: 3, authorities: [aSoa('test', 60, 30), nsec as SourceRecord] });
      assert.deepEqual(ttlsIn(await stage.ask('b.test', { edns: { dnssecOk: true } })), [30, 30]);
      stage.say({ rcode: 3, authorities: [aSoa('test', 20, 60), nsec as SourceRecord] });
      assert.deepEqual(ttlsIn(await stage.ask('c.test', { edns: { dnssecOk: true } })), [20, 20]);
      const capped = new CacheStage({ longestTtl: 10_000 });
      capped.say({ rcode: 3, answers: [alias('b.test', 900, 'c.test')], authorities: [aSoa('test', 60, 60)] });
      assert.deepEqual(ttlsIn(await capped.ask('b.test')), [10, 10]);
    });

    it('answers for other types, but not for names below, where DNSSEC has not proven it', async () => {
      const stage = new CacheStage().say({ rcode: 3, authorities: [aSoa('corp.test', 60, 60)] });
      await stage.ask('corp.test');
      assert.equal((await stage.ask('corp.test', { type: 'AAAA' })).rcode, 'NXDOMAIN');
      assert.equal(stage.asked, 1);
      stage.say({ answers: [address('www.corp.test', 60)] });
      assert.equal((await stage.ask('www.corp.test')).rcode, 'NOERROR');
      assert.equal(stage.asked, 2);
    });

    it('denies nothing but the alias where the target of a CNAME record does not exist, proven or not', async () => {
      const answers = [alias('evil.test', 60, 'corp.test')];
      const parts = { rcode: 3, answers, authorities: [aSoa('corp.test', 60, 60)] };
      for (const stage of [new CacheStage().say(parts), new CacheStage().prove(parts)]) {
        assert.equal((await stage.ask('evil.test')).rcode, 'NXDOMAIN');
        assert.equal((await stage.ask('evil.test')).rcode, 'NXDOMAIN');
        assert.equal(stage.asked, 1);
        stage.say({ answers: [address('corp.test', 60)] });
        assert.equal((await stage.ask('corp.test')).rcode, 'NOERROR');
        assert.equal((await stage.ask('www.corp.test')).rcode, 'NOERROR');
        assert.equal(stage.asked, 3);
      }
    });

    it('answers for other types and for names below a name that does not exist', async () => {
      const stage = new CacheStage().prove({ rcode: 3, authorities: [aSoa('test', 60, 60)] });
      await stage.ask('gone.test');
      await stage.clock.advance(10_000);
      for (const name of ['gone.test', 'www.gone.test', 'A.b.c.GONE.test']) {
        const reply = await stage.ask(name, { type: 'AAAA' });
        assert.deepEqual([reply.rcode, ttlsIn(reply)], ['NXDOMAIN', [50]]);
        const [soa] = reply.authorities ?? [];
        assert.deepEqual(soa?.type === 'SOA' && [soa.name, soa.data.mname, soa.data.serial, soa.data.minimum], [
          ...['test', 'ns.test', 7, 60],
        ]);
      }
      assert.equal(stage.asked, 1);
      await stage.ask('begone.test');
      await stage.ask('other.test');
      assert.equal(stage.asked, 3);
      await stage.clock.advance(50_000);
      await stage.ask('www.gone.test');
      assert.equal(stage.asked, 4);
    });

    it('asks itself where DO or CD are set, or AD could be lost', async () => {
      const flags = packet.RECURSION_DESIRED;
      const variants = [
        { edns: { dnssecOk: true } },
        { flags: flags | packet.CHECKING_DISABLED },
        { flags: flags | packet.AUTHENTIC_DATA },
      ];
      for (const options of variants) {
        const authorities = [aSoa('test', 60, 60)];
        const stage = new CacheStage().prove({ rcode: 3, authorities, flags: packet.AUTHENTIC_DATA });
        await stage.ask('gone.test', options);
        await stage.ask('www.gone.test', options);
        assert.equal(stage.asked, 2);
      }
    });

    it('denies nothing any more by an answer that has been replaced, flushed or given up for want of room', async () => {
      const denied = async (size?: number): Promise<CacheStage> => {
        const stage = new CacheStage(size === undefined ? {} : { size });
        await stage.prove({ rcode: 3, authorities: [aSoa('test', 60, 60)] }).ask('gone.test');
        return stage;
      };
      const isForgotten = async (stage: CacheStage): Promise<void> => {
        const { asked } = stage;
        await stage.ask('www.gone.test');
        assert.equal(stage.asked, asked + 1);
      };
      const flushed = await denied();
      flushed.cache.flush('gone.test');
      await isForgotten(flushed);

      const replaced = await denied();
      await replaced.clock.advance(60_000);
      await replaced.say({ answers: [address('gone.test', 60)] }).ask('gone.test');
      await isForgotten(replaced);

      const full = await denied(16_384);
      full.source.behaviour = ({ name, message }) => ({
        message: sourceMessage({ message }, { answers: [address(name, 60)] }),
      });
      for (let index = 0; index < 200; index++) await full.ask(`n${index}.test`);
      await isForgotten(full);
    });

    it('remembers no denials beyond what is kept, however many there were', async () => {
      const stage = new CacheStage({ size: 16_384 });
      stage.source.behaviour = ({ message }) => ({
        message: sourceMessage({ message }, { rcode: 3, authorities: [aSoa('test', 60, 60)] }),
      });
      for (let index = 0; index < 200; index++) await stage.ask(`n${index}.test`);
      const { entries } = stage.cache.status;
      assert.ok(entries > 5 && entries < 50);
      assert.equal(stage.cache['cuts']['answers'].size, entries);
      stage.cache.flush();
      assert.equal(stage.cache['cuts']['answers'].size, 0);
    });

    it('does not deny what lies below a name without data', async () => {
      const stage = new CacheStage().say({ authorities: [aSoa('test', 60, 60)] });
      await stage.ask('a.test');
      await stage.ask('b.a.test');
      assert.equal(stage.asked, 2);
    });
  });

  describe('of failures', () => {
    it('does not repeat a question that an upstream failed at before its time, and says that it remembers', async () => {
      const bogus = { code: 6, text: 'bogus' };
      const stage = new CacheStage().say({ rcode: 2, additionals: [anOpt(bogus)] });
      assert.deepEqual(extendedErrorIn(await stage.ask('a.test')), bogus);
      await stage.clock.advance(4_999);
      const reply = await stage.ask('a.test');
      assert.equal(reply.rcode, 'SERVFAIL');
      const opt = reply.additionals?.[0] as unknown as { options: { data: Buffer }[] };
      assert.deepEqual(
        opt.options.map(({ data }) => [data.readUInt16BE(0), data.toString('utf8', 2)]),
        [
          [13, ''],
          [6, 'bogus'],
        ],
      );
      assert.equal(stage.asked, 1);
      await stage.clock.advance(1);
      await stage.ask('a.test');
      assert.equal(stage.asked, 2);
    });

    it('remembers that no upstream answered, and why', async () => {
      const stage = new CacheStage().fail(unreachable);
      await assert.rejects(stage.ask('a.test'), unreachable);
      const reply = await stage.ask('a.test');
      assert.equal(reply.rcode, 'SERVFAIL');
      assert.deepEqual(extendedErrorIn(reply), { code: 13, text: 'no upstream answered a moment ago' });
      const answer = await stage.answer('a.test');
      assert.equal(answer?.extendedError?.details, unreachable.message, 'for clients who may know');
      await stage.clock.advance(5_000);
      await assert.rejects(stage.ask('a.test'), unreachable);
    });

    it('remembers a failure for a second at least and for 5 minutes at most', async () => {
      for (const [failureTtl, kept] of [
        [0, 1_000],
        [HOUR, 300_000],
      ] as const) {
        const stage = new CacheStage({ failureTtl }).say({ rcode: 2 });
        await stage.ask('a.test');
        await stage.clock.advance(kept - 1);
        await stage.ask('a.test');
        assert.equal(stage.asked, 1);
        await stage.clock.advance(1);
        await stage.ask('a.test');
        assert.equal(stage.asked, 2);
      }
    });

    it('remembers no failure that is not of an upstream', async () => {
      for (const error of [new JitsuError('JITSU_FORWARD_OVERLOADED', 'busy'), new Error('a bug')]) {
        const stage = new CacheStage().fail(error);
        await assert.rejects(stage.ask('a.test'), error);
        await assert.rejects(stage.ask('a.test'), error);
        assert.equal(stage.asked, 2);
      }
    });
  });

  it('tells until when an answer may be repeated: to its end, or to its last tenth where it is renewed then', async () => {
    for (const [prefetch, ttl, span] of [
      [false, 100, 100_000],
      [true, 100, 90_000],
      [true, 9, 9_000],
    ] as const) {
      const stage = new CacheStage({ prefetch }).say({ answers: [address('a.test', ttl)] });
      const until = stage.clock.now() + span;
      // Most names are asked for once, and are not worth a place among what is repeated.
      for (const expected of [undefined, until, until]) {
        const answer = await stage.answer('a.test');
        assert.equal(answer && 'message' in answer && answer.reusableUntil, expected);
        await stage.clock.advance(1_000);
      }
    }
    const late = new CacheStage({ prefetch: true }).say({ answers: [address('a.test', 100)] });
    await late.answer('a.test');
    await late.clock.advance(95_000);
    const renewing = await late.answer('a.test');
    assert.ok(renewing && 'message' in renewing && renewing.reusableUntil === undefined, 'it is being renewed');
    const failing = new CacheStage().say({ rcode: 2 });
    for (let round = 0; round < 2; round++) {
      const answer = await failing.answer('a.test');
      assert.ok(answer && 'message' in answer && answer.reusableUntil === undefined);
    }
  });

  it('forgets a name and what lies below it, or everything', async () => {
    const stage = new CacheStage();
    stage.source.behaviour = ({ name, message }) => ({
      message: sourceMessage({ message }, { answers: [address(name, 60)] }),
    });
    const names = ['a.test', 'www.a.test', 'ba.test', 'test'];
    for (const name of names) await stage.ask(name);
    assert.equal(stage.cache.flush('A.test.'), 2);
    for (const name of names) await stage.ask(name);
    assert.equal(stage.asked, 6);
    assert.equal(stage.cache.flush(), 4);
    assert.deepEqual([stage.cache.status.entries, stage.cache.status.bytes], [0, 0]);
    assert.throws(() => stage.cache.flush('a..b'), RangeError);
  });

  it('tells how it fares', async () => {
    const stage = new CacheStage().say({ answers: [address('a.test', 60)] });
    for (let round = 0; round < 3; round++) await stage.ask('a.test');
    const { bytes, ...counts } = stage.cache.status;
    assert.deepEqual(counts, { hits: 2, misses: 1, stale: 0, prefetches: 0, entries: 1, size: 1_048_576 });
    assert.ok(bytes > 100 && bytes < 2_000);
  });

  it('counts a denial that it has of another type as a hit', async () => {
    const stage = new CacheStage().say({ rcode: 3, authorities: [aSoa('', 60, 60)] });
    for (const type of ['A', 'AAAA', 'MX'] as const)
      assert.equal((await stage.ask('a.test', { type }))?.rcode, 'NXDOMAIN');
    const { hits, misses } = stage.cache.status;
    assert.deepEqual([hits, misses, stage.asked], [2, 1, 1]);
  });
});
