import assert from 'node:assert/strict';
import type { AnswerLease, DnsAnswer, RecordsAnswer } from '#core/contracts/resolver.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { PacketReader } from '#core/dns/packet-cache/packet-reader.js';
import { QueryView } from '#core/dns/wire/query-view.js';
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
    stage.ask();
    assert.equal(decodeReply(stage.ask()).authorities?.[0]?.type, 'SOA');
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
});
