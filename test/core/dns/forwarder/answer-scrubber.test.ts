import assert from 'node:assert/strict';
import type { DnsSettings } from '#core/config/settings.js';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { MessageNames } from '#core/dns/wire/compressed-name.js';
import { relayMessage } from '#core/dns/wire/message-relay.js';
import { ParsedAnswer, sectionsOf, type MessageSections } from '#core/dns/wire/message-sections.js';
import { addressBytes } from '#core/net/address-bytes.js';
import { CacheStage } from '../../../support/dns-cache-stage.js';
import { decodeReply, extendedErrorIn, type QueryOptions, type Reply } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { anOpt, aSoa, sourceMessage, type SourceRecord } from '../../../support/dns-source.js';

type Parts = Parameters<typeof sourceMessage>[1];

const record = (type: string, name: string, data: unknown): SourceRecord => ({ type, name, ttl: 60, data });
const a = (name: string, data = '192.0.2.1'): SourceRecord => record('A', name, data);
const alias = (name: string, data: string): SourceRecord => record('CNAME', name, data);
const raw = (type: string, name: string, ...bytes: number[]): SourceRecord => record(type, name, Buffer.from(bytes));

describe('the scrubber of answers', () => {
  let scrubber: AnswerScrubber;
  const use = (rebindProtection: DnsSettings['rebindProtection'] = false): void => {
    scrubber = new AnswerScrubber({ rebindProtection });
  };
  beforeEach(() => use());

  /** What a client gets of this answer; or what is malformed in it. */
  const relayed = (name: string, parts: Parts, options: QueryOptions = {}): Reply | string => {
    const query = aQuery(name, { edns: {}, ...options });
    const message = sourceMessage(query, parts);
    const before = { ...scrubber.counts };
    const names = new MessageNames(message);
    const scrubbed = scrubber.scrub(query.name, message, sectionsOf(message) as MessageSections, names);
    if (typeof scrubbed === 'string') return scrubbed;
    if (scrubbed.message === message) assert.deepEqual(scrubber.counts, before);
    return decodeReply(relayMessage(query, new ParsedAnswer(scrubbed.message, scrubbed.sections), true));
  };
  const whole = (name: string, parts: Parts, options?: QueryOptions): Reply => {
    const reply = relayed(name, parts, options);
    assert.ok(typeof reply !== 'string', 'it is malformed');
    return reply;
  };
  const section = (records: Reply['answers'] = []): string[] =>
    records.flatMap((each) => (each.type === 'OPT' ? [] : [`${each.type} ${each.name}`]));
  const sections = ({ answers, authorities, additionals }: Reply): string[][] =>
    [answers, authorities, additionals].map(section);

  it('leaves what belongs to the question as it is', () => {
    for (const [name, type, parts] of [
      ['a.test', 'A', { answers: [a('a.test'), a('a.test', '192.0.2.2')] }],
      ['a.test', 'A', { answers: [alias('a.test', 'b.other'), alias('b.other', 'c.net'), a('c.net')] }],
      ['a.test', 'A', { answers: [a('b.other'), alias('a.test', 'b.other')] }],
      [
        'x.d.test',
        'A',
        { answers: [record('DNAME', 'd.test', 'e.test'), alias('x.d.test', 'x.e.test'), a('x.e.test')] },
      ],
      ['d.test', 'A', { answers: [record('DNAME', 'd.test', 'e.test'), a('d.test')] }],
      ['a.test', 'CNAME', { answers: [alias('a.test', 'b.other')] }],
      ['a.test', 'A', { authorities: [aSoa('test', 60, 60)] }],
      [
        'a.test',
        'A',
        { answers: [a('a.test')], authorities: [record('NS', 'test', 'ns.net')], additionals: [a('ns.net')] },
      ],
      [
        'a.test',
        'MX',
        { answers: [record('MX', 'a.test', { preference: 1, exchange: 'm.net' })], additionals: [a('m.net'), anOpt()] },
      ],
    ] as const) {
      const reply = whole(name, parts, { type });
      const given: { answers?: readonly object[]; authorities?: readonly object[]; additionals?: readonly object[] } =
        parts;
      const asGiven = [given.answers, given.authorities, given.additionals].map((records) => section(records as never));
      assert.deepEqual(sections(reply), asGiven);
      assert.deepEqual(scrubber.counts, { malformed: 0, scrubbed: 0, rebinding: 0 });
    }
  });

  it('drops what has nothing to do with the question, from every section', () => {
    const mail = record('MX', 'a.test', { preference: 1, exchange: 'm.net' });
    const reply = whole(
      'a.test',
      {
        answers: [a('bank.example'), mail, alias('bank.example', 'a.test')],
        authorities: [record('NS', 'example', 'ns.evil.test'), record('NS', 'test', 'ns.test')],
        additionals: [a('bank.example'), a('ns.evil.test'), a('m.net'), anOpt(), a('ns.test')],
      },
      { type: 'MX' },
    );
    assert.deepEqual(sections(reply), [['MX a.test'], ['NS test'], ['A m.net', 'A ns.test']]);
    assert.deepEqual(reply.answers?.[0]?.type === 'MX' && reply.answers[0].data, { preference: 1, exchange: 'm.net' });
    assert.equal(scrubber.counts.scrubbed, 1);
    assert.deepEqual(sections(whole('a.test', { answers: [a('b.test')] })), [[], [], []]);
    assert.deepEqual(sections(whole('a.test', { answers: [a('a.test'), mail] })), [['A a.test'], [], []]);
  });

  it('writes names anew whose pointers led into what was dropped', () => {
    const query = aQuery('a.test');
    const evil = [4, ...Buffer.from('evil'), 0xc0, 14, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
    const at = query.message.length;
    const message = Buffer.from([
      ...sourceMessage(query, {}),
      ...evil,
      ...[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 5, 2, 0x57, 0x57, 0xc0, at],
      ...[2, 0x77, 0x77, 0xc0, at, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 2],
    ]);
    message.writeUInt16BE(3, 6);
    const names = new MessageNames(message);
    const scrubbed = scrubber.scrub('a.test', message, sectionsOf(message) as MessageSections, names);
    assert.ok(typeof scrubbed !== 'string');
    const { answers } = decodeReply(Buffer.from(scrubbed.message));
    assert.deepEqual(section(answers), ['CNAME a.test', 'A WW.evil.test']);
  });

  it('finds malformed what no answer can hold', () => {
    for (const answers of [
      [raw('UNKNOWN_250', 'a.test', 0)],
      [{ ...a('a.test'), class: 'CH' }],
      [{ ...a('a.test'), class: 'ANY' }],
      [alias('a.test', 'a.test')],
      [alias('a.test', 'b.test'), alias('b.test', 'A.test')],
      Array.from({ length: 33 }, (_, index) => alias(index === 0 ? 'a.test' : `a${index}.test`, `a${index + 1}.test`)),
    ]) {
      assert.equal(typeof relayed('a.test', { answers }), 'string', JSON.stringify(answers[0]));
    }
    assert.deepEqual(scrubber.counts, { malformed: 6, scrubbed: 0, rebinding: 0 });
    const loop = relayed('a.test', { answers: [alias('a.test', 'a.test')] }, { type: 'CNAME' });
    assert.equal(loop, 'its CNAME records form a loop');
  });

  /** How many records are left, without OPT; or what is malformed. */
  const left = (parts: Parts, type = 'A'): number | string => {
    const message = sourceMessage(aQuery('a.test', { type: type as never }), parts);
    const names = new MessageNames(message);
    const scrubbed = scrubber.scrub('a.test', message, sectionsOf(message) as MessageSections, names);
    return typeof scrubbed === 'string' ? scrubbed : scrubbed.sections.records.length;
  };
  const numbered = (count: number, each: (index: number) => SourceRecord): SourceRecord[] =>
    Array.from({ length: count }, (_, index) => each(index));

  it('takes thousands of addresses, and finds malformed what has more names than an answer needs', () => {
    assert.equal(left({ answers: [alias('a.test', 'b.test'), ...numbered(2_000, () => a('b.test'))] }), 2_001);
    const servers = (count: number): Parts => ({
      answers: numbered(count, (index) => record('NS', 'a.test', `ns${index}.a.test`)),
      additionals: numbered(count, (index) => a(`ns${index}.a.test`)),
    });
    assert.equal(left(servers(600), 'NS'), 1_200);
    assert.equal(left(servers(1_000), 'NS'), 'it has too many names');
    const others = (count: number): Parts => ({
      answers: [a('a.test')],
      authorities: numbered(count, (index) => a(`x${index}.other`)),
    });
    assert.equal(left(others(1_024)), 1);
    assert.equal(left(others(1_025)), 'it has too many records');
    const additionals = numbered(2_500, (index) => a(`x${index}.other`));
    assert.equal(left({ answers: [a('a.test')], additionals }), 'it has too many names');
  });

  it('finds malformed what would have to be written anew for many records, or for many labels', () => {
    const tooMuch = 'it has too many records to drop some of them';
    const addresses = (count: number): Parts => ({ answers: [...numbered(count, () => a('a.test')), a('evil.test')] });
    assert.equal(left(addresses(400)), 400);
    assert.equal(left(addresses(401)), tooMuch);
    const denials = (count: number): Parts => ({
      answers: [a('evil.test')],
      authorities: numbered(count, (index) => raw('UNKNOWN_47', `${`${index}.`.repeat(40)}test`, 0, 0, 1, 1)),
    });
    assert.equal(left(denials(10)), 10);
    assert.equal(left(denials(50)), tooMuch);
    // Each record that is dropped counts, too.
    const among = (count: number): Parts => ({ ...denials(10), additionals: numbered(count, () => a('other')) });
    assert.equal(left(among(1_000)), 10);
    assert.equal(left(among(3_000)), tooMuch);
    assert.equal(scrubber.counts.malformed, 3);
  });

  describe('with protection against rebinding', () => {
    beforeEach(() => use({ except: ['home.test'] }));

    for (const [type, inside] of [
      ['A', ['127.0.0.1', '10.1.2.3', '192.168.0.1', '172.16.0.1', '169.254.0.1', '0.0.0.0']],
      [
        'AAAA',
        [
          ...['::1', '::', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1', '::10.0.0.1', '64:ff9b::10.0.0.1'],
          ...['64:ff9b:1::10.0.0.1', '64:ff9b:1:a00:0:100::', '2002:a00:1::1', '2002:7f00:1::1'],
        ],
      ],
    ] as const) {
      it(`makes NODATA with EDE 17 of private and loopback addresses (${type})`, () => {
        for (const address of inside) {
          use({ except: [] });
          const answers = [alias('a.test', 'b.test'), record(type, 'b.test', address)];
          const reply = whole('a.test', { answers, flags: 0x01a0 }, { type, flags: 0x0120 });
          assert.deepEqual(
            [reply.rcode, sections(reply), reply.flag_ad],
            ['NOERROR', [[], ['SOA a.test'], []], false],
            address,
          );
          assert.equal(extendedErrorIn(reply)?.code, 17);
          assert.equal(scrubber.counts.rebinding, 1);
        }
      });
    }

    it('lets it be remembered for a minute that nothing is left, with the reason', async () => {
      using stage = new CacheStage({ stale: 0 });
      stage.source.behaviour = (query) => {
        const message = sourceMessage(query, { answers: [a('a.test', '10.0.0.1')], additionals: [anOpt()] });
        const names = new MessageNames(message);
        const scrubbed = scrubber.scrub(query.name, message, sectionsOf(message) as MessageSections, names);
        return typeof scrubbed === 'string' ? assert.fail() : new ParsedAnswer(scrubbed.message, scrubbed.sections);
      };
      for (const after of [0, 59_999]) {
        await stage.clock.advance(after);
        const reply = await stage.ask('a.test');
        assert.deepEqual([reply.rcode, sections(reply)], ['NOERROR', [[], ['SOA a.test'], []]]);
        assert.equal(extendedErrorIn(reply)?.code, 17);
        const [soa] = reply.authorities ?? [];
        assert.ok(soa?.type === 'SOA');
        assert.deepEqual([soa.ttl, soa.data.minimum], [after === 0 ? 60 : 1, 60]);
        assert.equal(stage.asked, 1);
      }
      await stage.clock.advance(1);
      await stage.ask('a.test');
      assert.equal(stage.asked, 2);
    });

    it('leaves public addresses behind translators and tunnels', () => {
      for (const address of [
        '64:ff9b::8.8.8.8',
        '64:ff9b:1::8.8.8.8',
        '64:ff9b:1:808:8:800::',
        '64:ff9b:1:0:8:808:800::',
        '2002:808:808::1',
        '2001:db8::10.0.0.1',
      ]) {
        const reply = whole('a.test', { answers: [record('AAAA', 'a.test', address)] }, { type: 'AAAA' });
        assert.equal(reply.answers?.length, 1, address);
      }
    });

    it('leaves public addresses, also beside a private one', () => {
      assert.deepEqual(sections(whole('a.test', { answers: [a('a.test')] })), [['A a.test'], [], []]);
      const reply = whole('a.test', { answers: [a('a.test', '10.0.0.1'), a('a.test', '192.0.2.9')] });
      assert.equal(reply.answers?.length, 1);
      assert.equal(reply.answers[0]?.type === 'A' && reply.answers[0].data, '192.0.2.9');
      assert.equal(extendedErrorIn(reply)?.code, 17);
    });

    it('drops private addresses that come along, and hints', () => {
      const parts = { answers: [record('NS', 'a.test', 'ns.test')], additionals: [a('ns.test', '10.0.0.1')] };
      assert.deepEqual(sections(whole('a.test', parts, { type: 'NS' })), [['NS a.test'], [], []]);
      const hints = (key: number, address: string): number[] => {
        const bytes = [...(addressBytes(address) ?? [])];
        return [0, 1, 0, 0, key, 0, bytes.length, ...bytes];
      };
      for (const type of ['UNKNOWN_64', 'UNKNOWN_65']) {
        for (const [key, address, count] of [
          [4, '10.0.0.1', 0],
          [4, '192.0.2.1', 1],
          [6, 'fd00::1', 0],
          [6, '64:ff9b::a00:1', 0],
          [6, '2001:db8::1', 1],
        ] as const) {
          const reply = whole(
            'a.test',
            { answers: [raw(type, 'a.test', ...hints(key, address))] },
            { type: type as never },
          );
          assert.equal(reply.answers?.length, count, `${type} ${address}`);
        }
      }
    });

    it('says NOERROR where nothing is left, whatever the upstream said beside an address', () => {
      const reply = whole('a.test', { answers: [a('a.test', '10.0.0.1')], flags: 0x0183 });
      assert.equal(reply.rcode, 'NOERROR');
    });

    it('lets the domains alone that are excepted, and everything where it is off', () => {
      for (const name of ['home.test', 'nas.home.test']) {
        assert.equal(whole(name, { answers: [a(name, '192.168.0.2')] }).answers?.length, 1);
      }
      assert.equal(whole('nothome.test', { answers: [a('nothome.test', '192.168.0.2')] }).answers?.length, 0);
      use();
      assert.equal(whole('a.test', { answers: [a('a.test', '192.168.0.2')] }).answers?.length, 1);
    });
  });
});
