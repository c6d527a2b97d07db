import assert from 'node:assert/strict';
import type { AnswerLease, DnsAnswer, RecordsAnswer } from '#core/contracts/resolver.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { PacketSlots, SLOT_SIZE, Word } from '#core/dns/packet-cache/packet-memory.js';
import { PacketReader } from '#core/dns/packet-cache/packet-reader.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { writeAnswer, writeResponse } from '#core/dns/wire/response-writer.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { askPacketCache } from '../../../support/ask-packet-cache.js';
import { anAccessControl, anAdmission } from '../../../support/dns-admission.js';
import { decodeReply, queryBytes, type QueryOptions } from '../../../support/dns-message.js';
import { aQuery, tcpClient, udpClient } from '../../../support/dns-query.js';
import { FakeLease } from '../../../support/fake-lease.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const answerWith = (lease: AnswerLease | undefined, addresses = ['192.0.2.1'], name = 'www.test'): RecordsAnswer => ({
  rcode: 0,
  authoritative: true,
  answers: addresses.map((address) => ({ name, type: 'A', ttl: 60, address })),
  ...(lease !== undefined && { lease }),
});

class Stage {
  readonly clock = new ManualClock();
  readonly hot: PacketCache;

  constructor(slots?: number) {
    this.hot = new PacketCache(false, this.clock, slots);
  }

  keep(answer: DnsAnswer, name = 'www.test', options: QueryOptions = {}): void {
    this.hot.keep(aQuery(name, options), answer);
  }

  ask(name = 'www.test', options: QueryOptions = {}, client = udpClient): Uint8Array | undefined {
    const reply = askPacketCache(this.hot, queryBytes(name, options), anAdmission(client));
    assert.notEqual(reply, 'silence');
    return reply as Uint8Array | undefined;
  }

  /** Asks so many times, and gives the first addresses of the answers. */
  firstAddresses(times: number): unknown[] {
    return Array.from({ length: times }, () => {
      const [first] = decodeReply(this.ask()).answers ?? [];
      return first?.type === 'A' ? first.data : undefined;
    });
  }
}

describe('answers of the packet cache', () => {
  it('are given again for as long as their lease holds, in the case of each client', () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    const reply = decodeReply(stage.ask('wWw.TeSt', { id: 99 }));
    assert.equal(reply.id, 99);
    assert.equal(reply.questions?.[0]?.name, 'wWw.TeSt');
    assert.deepEqual(
      reply.answers?.map((record) => record.type === 'A' && record.data),
      ['192.0.2.1'],
    );
    lease.end();
    assert.equal(stage.ask(), undefined);
  });

  it('are kept only under a lease that holds', () => {
    const stage = new Stage();
    const ended = new FakeLease();
    ended.end();
    for (const lease of [undefined, ended]) {
      stage.keep(answerWith(lease));
      assert.equal(stage.ask(), undefined);
    }
  });

  it('are for the same name, type, class, RD, AD, CD and DO only, whatever else of EDNS the client sends', () => {
    const stage = new Stage();
    stage.keep(answerWith(new FakeLease()));
    const others: QueryOptions[] = [
      { type: 'AAAA' },
      { class: 'CH' },
      ...[0, 0x120, 0x110].map((flags) => ({ flags })),
      { edns: { dnssecOk: true } },
      { edns: { version: 1 } },
    ];
    for (const options of others) assert.equal(stage.ask('www.test', options), undefined);
    assert.equal(stage.ask('www.tes'), undefined);
    assert.equal(stage.ask('ww.test'), undefined);
    assert.ok(stage.ask());
    assert.equal(decodeReply(stage.ask('www.test', { edns: { payloadSize: 512 } })).additionals?.length, 1);
  });

  it('under several flags all end with their one lease, which is listened to once', () => {
    const stage = new Stage();
    const lease = new FakeLease();
    const flags = [0, 0x100, 0x120, 0x110];
    for (const flag of flags) stage.keep(answerWith(lease), 'www.test', { flags: flag });
    for (const flag of flags) assert.ok(stage.ask('www.test', { flags: flag }));
    assert.equal(lease.listeners, 1);
    lease.end();
    for (const flag of flags) assert.equal(stage.ask('www.test', { flags: flag }), undefined);
    assert.equal(lease.uses, 4);
  });

  it('tell their uses within 250 ms', async () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    for (let time = 0; time < 5; time += 1) stage.ask();
    assert.equal(lease.uses, 0);
    await stage.clock.advance(250);
    assert.equal(lease.uses, 5);
    stage.ask();
    stage.hot.settle();
    assert.equal(lease.uses, 6);
    await stage.clock.advance(10_000);
    assert.equal(lease.uses, 6);
  });

  it('are looked at for uses ever more rarely while there are none, and soon again when there is one', async () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    const after = stage.clock.after.bind(stage.clock);
    let timers = 0;
    stage.clock.after = (...timer) => {
      timers += 1;
      return after(...timer);
    };
    await stage.clock.advance(60_000);
    assert.ok(timers < 15, `${timers} timers in a quiet minute`);
    stage.ask();
    await stage.clock.advance(250);
    assert.equal(lease.uses, 1);
  });

  it('tell the uses by other threads within 8 s of a quiet time, and at once to whoever asks', async () => {
    const stage = new Stage();
    const reader = new PacketReader(stage.hot.memory, false);
    const view = new QueryView(stage.hot.memory.seed);
    const askElsewhere = (): void => {
      const query = queryBytes('www.test');
      const out = Buffer.alloc(1_024);
      assert.ok(view.read(query, query.length));
      assert.ok(reader.answer(view, query, query.length, out, anAdmission(), stage.clock.now()) > 0);
    };
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    await stage.clock.advance(60_000);
    askElsewhere();
    await stage.clock.advance(8_000);
    assert.equal(lease.uses, 1);
    await stage.clock.advance(60_000);
    askElsewhere();
    stage.hot.settle();
    assert.equal(lease.uses, 2);
  });

  it('tell the uses of an answer that is kept in a quiet time within 250 ms', async () => {
    const stage = new Stage();
    stage.keep(answerWith(new FakeLease()));
    await stage.clock.advance(60_000);
    const lease = new FakeLease();
    stage.keep(answerWith(lease), 'new.test');
    stage.ask('new.test');
    await stage.clock.advance(250);
    assert.equal(lease.uses, 1);
  });

  it('have told every use when the end of their lease is known to anybody', () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    stage.ask();
    let usesAtEnd = 0;
    lease.onEnd(() => (usesAtEnd = lease.uses));
    lease.end();
    assert.equal(usesAtEnd, 1);
  });

  it('do not count for a client whose use is none', () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    const unproven = anAccessControl({}, wakeSettings()).admissionOf(udpClient);
    assert.ok(askPacketCache(stage.hot, queryBytes('www.test'), unproven));
    stage.hot.settle();
    assert.equal(lease.uses, 0);
  });

  it('have no timer where there is nobody to tell', () => {
    const stage = new Stage();
    assert.equal(stage.clock.pending, 0);
    stage.keep(answerWith({ holds: true, onEnd: () => undefined }));
    stage.keep({ message: queryBytes('b.test'), reusableUntil: Infinity }, 'b.test');
    assert.equal(stage.clock.pending, 0);
    const lease = new FakeLease();
    stage.keep(answerWith(lease, ['192.0.2.1'], 'c.test'), 'c.test');
    assert.equal(stage.clock.pending, 1);
    lease.end();
    assert.equal(stage.clock.pending, 0);
  });

  it('begin with another address each time, next to what follows the addresses', () => {
    const stage = new Stage();
    stage.keep(answerWith(new FakeLease(), ['192.0.2.1', '192.0.2.2', '192.0.2.3']));
    assert.deepEqual(stage.firstAddresses(4), ['192.0.2.2', '192.0.2.3', '192.0.2.1', '192.0.2.2']);
    const soa = { type: 'SOA', name: 'test', ttl: 5, mname: 'a', rname: 'b', serial: 1, refresh: 2, retry: 3 } as const;
    const authorities = [{ ...soa, expire: 4, minimum: 5 }];
    stage.keep({ ...answerWith(new FakeLease(), ['192.0.2.1', '192.0.2.2']), authorities });
    for (let time = 0; time < 3; time += 1) assert.equal(decodeReply(stage.ask()).authorities?.[0]?.type, 'SOA');
  });

  it('begin with another address each time where there are two, whatever their TTLs', () => {
    const stage = new Stage();
    const addresses = ['192.0.2.1', '192.0.2.2'];
    stage.keep(answerWith(new FakeLease(), addresses));
    assert.deepEqual(stage.firstAddresses(3), ['192.0.2.2', '192.0.2.1', '192.0.2.2']);
    const answers = addresses.map((address, index) => ({
      ...{ name: 'www.test', type: 'A', ttl: 60 + index * 2 ** 24 },
      address,
    }));
    stage.keep({ rcode: 0, answers: answers as never, lease: new FakeLease() });
    assert.deepEqual(stage.firstAddresses(3), ['192.0.2.2', '192.0.2.1', '192.0.2.2']);
  });

  it('stay in order where the addresses are of two names of one length', () => {
    const stage = new Stage();
    const answers = ['aa.test', 'bb.test'].map(
      (name, index) => ({ name, type: 'A', ttl: 60, address: `192.0.2.${index}` }) as const,
    );
    stage.keep({ rcode: 0, answers, lease: new FakeLease() });
    assert.deepEqual(stage.firstAddresses(3), Array(3).fill('192.0.2.0'));
  });

  it('have no records where the answer had none', () => {
    const stage = new Stage();
    const answer = { rcode: 3, authoritative: true, lease: new FakeLease() };
    stage.keep(answer);
    for (const options of [{}, { edns: {} }]) {
      const expected = writeResponse(aQuery('www.test', options), answer, false);
      assert.deepEqual(Buffer.from(stage.ask('www.test', options) ?? []), Buffer.from(expected));
    }
  });

  it('are looked at for uses after twice the time, up to 8 s, while there are none', async () => {
    const stage = new Stage();
    const after = stage.clock.after.bind(stage.clock);
    const pauses: number[] = [];
    stage.clock.after = (pause, ...more) => {
      pauses.push(pause);
      return after(pause, ...more);
    };
    stage.keep(answerWith(new FakeLease()));
    await stage.clock.advance(20_000);
    assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it('hold on to no lease that has ended', () => {
    const stage = new Stage(8);
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    const leases = Reflect.get(stage.hot, 'leases') as unknown[];
    assert.ok(leases.includes(lease));
    lease.end();
    assert.deepEqual(leases, Array(8).fill(undefined));
  });

  it('are not kept where they may not be repeated, at the very first time of the clock either', () => {
    const hot = new PacketCache(false, new ManualClock(0));
    const message = queryBytes('www.test', { flags: 0x8180 });
    const ended = new FakeLease();
    ended.end();
    const answers: DnsAnswer[] = [
      { message },
      { message, reusableUntil: 0 },
      answerWith(undefined),
      answerWith(ended),
      { message: queryBytes('www.test', { flags: 0x8380 }), reusableUntil: Infinity },
    ];
    for (const answer of answers) assert.equal(hot.keep(aQuery('www.test'), answer), undefined);
    assert.ok(hot.keep(aQuery('www.test'), { message, reusableUntil: 1 }));
  });

  it('are given to a client who can take just as much', () => {
    const stage = new Stage();
    const addresses = Array.from({ length: 40 }, (_, index) => `192.0.2.${index}`);
    stage.keep(answerWith(new FakeLease(), addresses));
    const length = 12 + 14 + 40 * 16 + 11;
    assert.equal(stage.ask('www.test', { edns: { payloadSize: length } })?.length, length);
    assert.equal(stage.ask('www.test', { edns: { payloadSize: length - 1 } }), undefined);
  });

  it('stay in order where they are not the addresses of one name', () => {
    const stage = new Stage();
    const [first, second] = [answerWith(new FakeLease()), answerWith(new FakeLease(), ['192.0.2.2'], 'www.tist')];
    stage.keep({ ...first, answers: [...(first.answers ?? []), ...(second.answers ?? [])] });
    assert.deepEqual(stage.firstAddresses(3), Array(3).fill('192.0.2.1'));
  });

  it('leave a client who cannot take them to others', () => {
    const stage = new Stage();
    const addresses = Array.from({ length: 40 }, (_, index) => `192.0.2.${index}`);
    stage.keep(answerWith(new FakeLease(), addresses));
    assert.equal(stage.ask(), undefined);
    assert.equal(stage.ask('www.test', { edns: { payloadSize: 600 } }), undefined);
    assert.equal(decodeReply(stage.ask('www.test', { edns: { payloadSize: 1232 } })).answers?.length, 40);
    assert.equal(decodeReply(stage.ask('www.test', {}, tcpClient)).answers?.length, 40);
  });

  it('are not kept where they are larger than a slot', () => {
    const stage = new Stage();
    const addresses = Array.from({ length: 60 }, (_, index) => `192.0.2.${index}`);
    stage.keep(answerWith(new FakeLease(), addresses));
    assert.equal(stage.ask('www.test', {}, tcpClient), undefined);
  });

  it('are not kept where a client without EDNS gets another rcode, or for ANY', () => {
    const stage = new Stage();
    stage.keep({ ...answerWith(new FakeLease()), rcode: 23 });
    stage.keep(answerWith(new FakeLease()), 'www.test', { type: 'ANY' });
    for (const options of [{}, { edns: {} }, { type: 'ANY' }]) assert.equal(stage.ask('www.test', options), undefined);
  });

  it('are replaced by a newer answer to the same question, and lose no use', () => {
    const stage = new Stage();
    const [older, newer] = [new FakeLease(), new FakeLease()];
    stage.keep(answerWith(older));
    stage.ask();
    stage.keep(answerWith(newer, ['192.0.2.9']));
    assert.deepEqual(stage.firstAddresses(2), ['192.0.2.9', '192.0.2.9']);
    older.end();
    assert.ok(stage.ask());
    stage.hot.settle();
    assert.deepEqual([older.uses, newer.uses], [1, 3]);
  });

  it('make room for others where there are too many, and lose no use by it', async () => {
    const stage = new Stage(8);
    const leases = new Map(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((label) => [`${label}.test`, new FakeLease()]),
    );
    for (const [name, lease] of [...leases].slice(0, 8)) stage.keep(answerWith(lease, ['192.0.2.1'], name), name);
    await stage.clock.advance(1_000);
    stage.ask('c.test');
    stage.hot.settle();
    await stage.clock.advance(1);
    // These have not been told when room is made.
    for (const name of leases.keys()) if (name !== 'c.test') stage.ask(name);
    stage.keep(answerWith(leases.get('i.test'), ['192.0.2.1'], 'i.test'), 'i.test');
    const alive = [...leases.keys()].filter((name) => stage.ask(name) !== undefined);
    assert.deepEqual(
      alive,
      [...leases.keys()].filter((name) => name !== 'c.test'),
    );
    stage.hot.settle();
    assert.deepEqual(
      [...leases.values()].map(({ uses }) => uses),
      [2, 2, 1, 2, 2, 2, 2, 2, 1],
    );
  });

  it('listen to a lease once, however often its answers come and go', () => {
    const stage = new Stage(8);
    const lease = new FakeLease();
    for (let index = 0; index < 100; index += 1) stage.keep(answerWith(lease), `n${index}.test`);
    assert.equal(lease.listeners, 1);
    lease.end();
    for (let index = 0; index < 100; index += 1) assert.equal(stage.ask(`n${index}.test`), undefined);
  });

  it('are gone when they are closed, have told their uses, and come no more', () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    stage.ask();
    stage.hot.close();
    assert.equal(lease.uses, 1);
    assert.equal(stage.ask(), undefined);
    stage.keep(answerWith(lease));
    assert.equal(stage.ask(), undefined);
    assert.equal(stage.clock.pending, 0);
  });

  it('without a lease are dropped where reusable ones are to be asked for anew, and no others', () => {
    const stage = new Stage();
    stage.keep(answerWith(new FakeLease()));
    stage.keep({ message: queryBytes('b.test', { flags: 0x8180 }), reusableUntil: Infinity }, 'b.test');
    assert.ok(stage.ask('b.test'));
    stage.hot.endReusable();
    assert.equal(stage.ask('b.test'), undefined);
    assert.ok(stage.ask());
  });

  it('take free places before they take those of others', async () => {
    const stage = new Stage(8);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((label) => `${label}.test`);
    const leases = names.map(() => new FakeLease());
    for (const [index, name] of names.entries()) {
      await stage.clock.advance(1);
      stage.keep(answerWith(leases[index], ['192.0.2.1'], name), name);
    }
    // The place that is used last becomes free.
    await stage.clock.advance(1);
    stage.ask('h.test');
    leases[7]?.end();
    stage.keep(answerWith(new FakeLease(), ['192.0.2.1'], 'new.test'), 'new.test');
    assert.deepEqual(
      [...names, 'new.test'].filter((name) => stage.ask(name) === undefined),
      ['h.test'],
    );
  });

  it('are not the first to make room right after they were stored', async () => {
    const stage = new Stage(8);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((label) => `${label}.test`);
    const first = new FakeLease();
    for (const name of names) {
      await stage.clock.advance(1);
      stage.keep(answerWith(name === 'a.test' ? first : new FakeLease(), ['192.0.2.1'], name), name);
    }
    first.end();
    for (const name of ['i.test', 'j.test']) {
      await stage.clock.advance(1);
      stage.keep(answerWith(new FakeLease(), ['192.0.2.1'], name), name);
    }
    assert.deepEqual(
      [...names, 'i.test', 'j.test'].filter((name) => stage.ask(name) === undefined),
      ['a.test', 'b.test'],
    );
  });

  it('lie in all of the memory', () => {
    const stage = new Stage(1_024);
    const names = Array.from({ length: 128 }, (_, index) => `n${index}.test`);
    for (const name of names) stage.keep(answerWith(new FakeLease(), ['192.0.2.1'], name), name);
    assert.deepEqual(
      names.filter((name) => stage.ask(name) === undefined),
      [],
    );
  });

  it('are found by a hash that nobody can know', () => {
    assert.notEqual(new Stage(8).hot.memory.seed, new Stage(8).hot.memory.seed);
  });

  it('do not count a use that another thread has counted too late for the answer before', () => {
    const stage = new Stage(8);
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    lease.end();
    const { words } = new PacketSlots(stage.hot.memory);
    for (let slot = 0; slot < 8; slot++) Atomics.add(words, slot * (SLOT_SIZE / 4) + Word.Uses, 1);
    const next = new FakeLease();
    stage.keep(answerWith(next));
    stage.hot.settle();
    assert.deepEqual([lease.uses, next.uses], [0, 0]);
  });

  it('tell whether there was anything to count, whichever was used', () => {
    const stage = new Stage();
    const leases = new Map(['a.test', 'b.test', 'c.test'].map((name) => [name, new FakeLease()]));
    for (const [name, lease] of leases) stage.keep(answerWith(lease, ['192.0.2.1'], name), name);
    assert.equal(stage.hot.settle(), false);
    for (const name of leases.keys()) {
      stage.ask(name);
      assert.equal(stage.hot.settle(), true);
      assert.equal(stage.hot.settle(), false);
    }
  });

  it('have their uses counted in time while others come and go', async () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    stage.ask();
    // A new one starts no interval anew, and the end of one ends no interval of others.
    for (const name of ['a.test', 'b.test']) {
      await stage.clock.advance(100);
      const other = new FakeLease();
      stage.keep(answerWith(other, ['192.0.2.1'], name), name);
      other.end();
    }
    await stage.clock.advance(50);
    assert.equal(lease.uses, 1);
  });

  it('are looked after no more when the last lease ends by its own use', async () => {
    const stage = new Stage();
    const lease = new FakeLease();
    lease.used = () => lease.end();
    stage.keep(answerWith(lease));
    stage.ask();
    await stage.clock.advance(250);
    assert.equal(stage.clock.pending, 0);
  });

  it('of several texts keep their order', () => {
    const stage = new Stage();
    const answers = ['one', 'two'].map(
      (text) => ({ name: 'www.test', type: 'TXT', ttl: 60, strings: [text] }) as const,
    );
    stage.keep({ rcode: 0, answers, lease: new FakeLease() }, 'www.test', { type: 'TXT' });
    const texts = (): string[] =>
      (decodeReply(stage.ask('www.test', { type: 'TXT' })).answers ?? []).map((record) =>
        record.type === 'TXT' ? [record.data].flat().join() : '',
      );
    assert.deepEqual(
      [texts(), texts()],
      [
        ['one', 'two'],
        ['one', 'two'],
      ],
    );
  });

  it('fit into a place of 1,024 bytes with their question and the places of their TTLs, and are not kept otherwise', () => {
    // Key: 8 bytes of name, 4 of type and class, 1 of flags, padded to 16; record: a pointer, 10 bytes, the data.
    const room = 1_024 - 64 - 16 - 12;
    const record = (name: string, length: number) =>
      ({ name, type: 99, ttl: 60, data: new Uint8Array(length) }) as const;
    const isKept = (name: string, answer: DnsAnswer): boolean => {
      const stage = new Stage(8);
      stage.keep(answer, name, { type: 'TXT' });
      return stage.ask(name, { type: 'TXT' }, tcpClient) !== undefined;
    };
    // The key of the other name has 16 bytes without padding.
    for (const [name, length, fits] of [
      ['a.test', room, true],
      ['a.test', room + 1, false],
      ['abcd.test', room, true],
      ['abcd.test', room + 1, false],
    ] as const) {
      const answers = [record(name, length)];
      assert.equal(isKept(name, { rcode: 0, answers, lease: new FakeLease() }), fits, `${length}`);
      // One TTL that counts down takes two bytes.
      const message = writeResponse(
        aQuery(name, { type: 'TXT' }, tcpClient),
        { rcode: 0, answers: [record(name, length - 2)] },
        true,
      );
      assert.equal(isKept(name, { message, reusableUntil: Infinity }), fits, `${length} with a TTL`);
    }
  });

  it('are handed back as they were encoded, whether or not they fit into a place, and only where they may be repeated', () => {
    const { hot } = new Stage(8);
    const query = aQuery('www.test', {}, tcpClient);
    const large = Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`);
    for (const addresses of [['192.0.2.1'], large]) {
      const answer = answerWith(new FakeLease(), addresses);
      const kept = hot.keep(query, answer);
      assert.ok(kept);
      assert.deepEqual(
        Buffer.from(writeAnswer(query, kept, false) ?? []),
        Buffer.from(writeResponse(query, answer, false)),
      );
    }
    assert.equal(hot.keep(query, answerWith(undefined)), undefined);
  });

  it('make room in the order in which they were stored where none was used later', () => {
    const stage = new Stage(8);
    const names = Array.from({ length: 9 }, (_, index) => `n${index}.test`);
    for (const name of names) stage.keep(answerWith(new FakeLease(), ['192.0.2.1'], name), name);
    assert.deepEqual(
      names.filter((name) => stage.ask(name) === undefined),
      ['n0.test'],
    );
  });

  it('have their uses counted when the count in memory begins anew at 2³²', () => {
    const stage = new Stage(8);
    const { words } = new PacketSlots(stage.hot.memory);
    for (let slot = 0; slot < 8; slot++) Atomics.store(words, slot * (SLOT_SIZE / 4) + Word.Uses, -1);
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    stage.ask();
    stage.hot.settle();
    assert.equal(lease.uses, 1);
  });

  it('begin with another address when the count in memory begins anew at 2³²', () => {
    const stage = new Stage(8);
    stage.keep(answerWith(new FakeLease(), ['192.0.2.1', '192.0.2.2', '192.0.2.3']));
    const { words } = new PacketSlots(stage.hot.memory);
    for (let slot = 0; slot < 8; slot++) Atomics.store(words, slot * (SLOT_SIZE / 4) + Word.Rotation, -2);
    // 2³² - 2 is 2 more than a multiple of 3.
    assert.deepEqual(stage.firstAddresses(3), ['192.0.2.3', '192.0.2.1', '192.0.2.1']);
  });

  it('end with a lease that counts no uses as with any other', () => {
    const stage = new Stage();
    let end: (() => void) | undefined;
    stage.keep(answerWith({ holds: true, onEnd: (listener) => (end = listener) }));
    assert.ok(stage.ask());
    end?.();
    assert.equal(stage.ask(), undefined);
  });

  it('are looked after at the same times however often they are given meanwhile', async () => {
    const stage = new Stage();
    const lease = new FakeLease();
    stage.keep(answerWith(lease));
    for (let time = 0; time < 250; time += 50) {
      stage.ask();
      await stage.clock.advance(50);
    }
    assert.equal(lease.uses, 5);
  });
});
