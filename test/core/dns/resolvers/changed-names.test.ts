import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DnsAnswer, RecordsAnswer, Resolver } from '#core/contracts/resolver.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { PacketReader, MISS } from '#core/dns/packet-cache/packet-reader.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { JitsuError } from '#core/errors.js';
import type { UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAdmission } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, queryBytes } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { FakeSummons } from '../../../support/dns-summons.js';
import { aUnikernel, type StagedUnikernel } from '../../../support/dns-unikernel.js';

const never = new AbortController().signal;

/** A resolver whose names change, and a packet cache with a reader as another thread has it. */
class Stage {
  readonly clock = new ManualClock(5_000);
  readonly cache = new PacketCache(false, this.clock);
  readonly resolver: UnikernelResolver<StagedUnikernel>;
  readonly #reader = new PacketReader(this.cache.memory, false);
  readonly #view = new QueryView(this.cache.memory.seed);

  constructor(
    unikernels: StagedUnikernel[],
    readonly summons = new FakeSummons(),
    elsewhere?: Resolver,
  ) {
    const zones = [{ name: 'zone.test', authoritative: true }];
    const context = { clock: this.clock, logger: new DnsLog(), elsewhere };
    this.resolver = new UnikernelResolver(unikernels, summons, { zones, ttl: 30_000 }, context);
  }

  /** Asks the resolver, and has the packet cache keep what may be kept. */
  async ask(name: string, type = 'A'): Promise<RecordsAnswer | undefined> {
    const query = aQuery(name, { type });
    const answer = (await this.resolver.resolve(query, never)) as DnsAnswer | undefined;
    if (answer !== undefined) this.cache.keep(query, answer);
    return answer as RecordsAnswer | undefined;
  }

  /** Whether a thread would answer by itself. */
  isCached(name: string, type: 'A' | 'AAAA' | 'TXT' | 'HTTPS' = 'A'): boolean {
    const message = queryBytes(name, { type });
    assert.ok(this.#view.read(message, message.length));
    const buffer = Buffer.alloc(2_048);
    return this.#reader.answer(this.#view, message, message.length, buffer, anAdmission(), this.clock.now()) !== MISS;
  }

  /** Gives a unikernel another plan. */
  change(unikernel: StagedUnikernel, plan: Partial<UnikernelPlan>): void {
    const before = unikernel.plan;
    Object.assign(unikernel, { plan: { ...before, ...plan } });
    this.resolver.change(unikernel, before);
  }

  [Symbol.dispose](): void {
    this.cache.close();
  }
}

function addresses(answer: RecordsAnswer | undefined): string[] {
  return (answer?.answers ?? []).map((record) => ('address' in record ? record.address : record.type.toString()));
}

function ready(plan: Partial<UnikernelPlan>): StagedUnikernel {
  const unikernel = aUnikernel(plan);
  unikernel.ready = true;
  return unikernel;
}

describe('names that change while they are asked for', () => {
  it('takes back every answer of what is removed, in every thread and before anything else', async () => {
    const web = ready({ names: ['web.zone.test', '*.web.zone.test'], https: [Uint8Array.of(0, 1, 0)] });
    using stage = new Stage([web]);
    const asked = [
      ['web.zone.test', 'A'],
      ['x.web.zone.test', 'A'],
      ['web.zone.test', 'HTTPS'],
      ['web.zone.test', 'AAAA'],
      ['web.zone.test', 'TXT'],
    ] as const;
    for (const [name, type] of asked) {
      await stage.ask(name, type);
      assert.ok(stage.isCached(name, type), `${name} ${type}`);
    }
    stage.resolver.remove(web);
    for (const [name, type] of asked) assert.ok(!stage.isCached(name, type), `${name} ${type}`);
    for (const [name, type] of asked) assert.equal((await stage.ask(name, type))?.rcode, 3, `${name} ${type}`);
    assert.equal(stage.resolver.holds('web.zone.test'), false);
  });

  it('answers at once for what is added, and with all who share a name', async () => {
    const one = ready({ names: ['all.zone.test'], addresses: ['192.0.2.1'] });
    using stage = new Stage([one]);
    assert.deepEqual(addresses(await stage.ask('all.zone.test')), ['192.0.2.1']);
    assert.ok(stage.isCached('all.zone.test'));
    stage.resolver.add(ready({ names: ['all.zone.test', 'two.test'], addresses: ['192.0.2.2'] }));
    assert.ok(!stage.isCached('all.zone.test'));
    assert.deepEqual(addresses(await stage.ask('all.zone.test')).toSorted(), ['192.0.2.1', '192.0.2.2']);
    assert.deepEqual(addresses(await stage.ask('two.test')), ['192.0.2.2']);
    const pointer = await stage.ask('2.2.0.192.in-addr.arpa', 'PTR');
    assert.deepEqual(
      pointer?.answers?.map((record) => 'target' in record && record.target),
      ['all.zone.test'],
    );
    assert.equal((await stage.ask('test', 'SOA'))?.answers?.[0]?.type, 'SOA');
  });

  it('takes back what a wildcard has answered where a name comes to lie below it', async () => {
    const wild = ready({ names: ['*.zone.test'], addresses: ['192.0.2.1'] });
    using stage = new Stage([wild]);
    await stage.ask('a.b.zone.test');
    const host = ready({ names: ['host.b.zone.test'], addresses: ['192.0.2.2'] });
    stage.resolver.add(host);
    assert.ok(!stage.isCached('a.b.zone.test'));
    assert.equal((await stage.ask('a.b.zone.test'))?.rcode, 3);
    stage.resolver.remove(host);
    assert.deepEqual(addresses(await stage.ask('a.b.zone.test')), ['192.0.2.1']);
  });

  it('answers with the names, addresses and records that one has now', async () => {
    const web = ready({ names: ['old.zone.test', 'web.zone.test'], addresses: ['192.0.2.1'] });
    using stage = new Stage([web]);
    for (const name of ['old.zone.test', 'web.zone.test']) await stage.ask(name);
    stage.change(web, { names: ['web.zone.test', 'new.zone.test'], addresses: ['192.0.2.9'] });
    for (const name of ['old.zone.test', 'web.zone.test']) assert.ok(!stage.isCached(name));
    assert.equal((await stage.ask('old.zone.test'))?.rcode, 3);
    assert.deepEqual(addresses(await stage.ask('web.zone.test')), ['192.0.2.9']);
    assert.deepEqual(addresses(await stage.ask('new.zone.test')), ['192.0.2.9']);
    assert.equal(await stage.ask('1.2.0.192.in-addr.arpa', 'PTR'), undefined);
  });

  it('gives whoever waits for a removed name the negative answer at once', async () => {
    const web = aUnikernel({ names: ['web.zone.test', 'elsewhere.example'] });
    using stage = new Stage([web], new FakeSummons(false));
    const [asked, foreign] = [stage.ask('web.zone.test'), stage.ask('elsewhere.example')];
    stage.resolver.remove(web);
    assert.equal((await asked)?.rcode, 3);
    // Outside of zones of ours, somebody else may know it.
    assert.equal(await foreign, undefined);
    stage.summons.fail(web, new JitsuError('JITSU_SUMMON_FAILED', 'late'));
  });

  it('lets those wait on whose names stay, and wakes another that shares one for the rest', async () => {
    const [web, other] = [
      aUnikernel({ name: 'web', names: ['web.test', 'old.test'] }),
      aUnikernel({ name: 'other', names: ['far.test'] }),
    ];
    using stage = new Stage([web, other], new FakeSummons(false));
    const [kept, gone] = [stage.ask('web.test'), stage.ask('old.test')];
    stage.change(web, { names: ['web.test'] });
    stage.change(other, { names: ['old.test'], addresses: ['192.0.2.8'] });
    stage.summons.raise(other);
    assert.equal(await gone, undefined);
    assert.deepEqual(addresses(await stage.ask('old.test')), ['192.0.2.8']);
    stage.summons.raise(web);
    assert.deepEqual(addresses(await kept), ['192.0.2.7']);
  });

  it('never answers, nor has answered for it, with what does not have the name, whatever changes', async () => {
    const name = fc.constantFrom('a.zone.test', 'b.zone.test', '*.zone.test', 'x.a.zone.test', 'c.test');
    const plan = fc.record({ names: fc.array(name, { maxLength: 2 }), address: fc.integer({ min: 1, max: 250 }) });
    const step = fc.record({
      kind: fc.constantFrom('add', 'remove', 'change', 'ask', 'die'),
      place: fc.nat(),
      plan,
      name,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        using stage = new Stage([]);
        const present: StagedUnikernel[] = [];
        const known = ['a.zone.test', 'b.zone.test', 'y.zone.test', 'x.a.zone.test', 'y.a.zone.test', 'c.test'];
        for (const { kind, place, plan, name } of steps) {
          const one = present[place % Math.max(1, present.length)];
          const wanted = { names: plan.names, addresses: [`192.0.2.${plan.address}`] };
          if (kind === 'add') {
            const added = ready(wanted);
            present.push(added);
            stage.resolver.add(added);
          } else if (kind === 'ask') {
            await stage.ask(name.replace('*', 'y'));
          } else if (one === undefined) {
            continue;
          } else if (kind === 'remove') {
            present.splice(present.indexOf(one), 1);
            stage.resolver.remove(one);
          } else if (kind === 'change') {
            stage.change(one, wanted);
          } else {
            one.ready = false;
            one.ready = true;
          }
          using fresh = new Stage(present);
          for (const asked of known) {
            const right = await fresh.ask(asked);
            if (stage.isCached(asked)) {
              const cached = stage.cache.answer(viewOf(stage, asked), queryBytes(asked, { type: 'A' }), anAdmission());
              const given = addressesOf(cached as Uint8Array);
              assert.deepEqual(given.toSorted(), addresses(right).toSorted(), asked);
            }
            const answer = await stage.ask(asked);
            assert.equal(answer?.rcode, right?.rcode, asked);
            assert.deepEqual(addresses(answer).toSorted(), addresses(right).toSorted(), asked);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

function viewOf({ cache }: Stage, name: string): QueryView {
  const view = new QueryView(cache.memory.seed);
  const message = queryBytes(name, { type: 'A' });
  view.read(message, message.length);
  return view;
}

function addressesOf(reply: Uint8Array): string[] {
  return (decodeReply(reply).answers ?? []).flatMap((answer) => (answer.type === 'A' ? answer.data : []));
}
