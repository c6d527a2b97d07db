import assert from 'node:assert/strict';
import { ConnectionsStopPolicy } from '#core/builtins/connections-stop-policy.js';
import { KeepAliveStopPolicy } from '#core/builtins/keep-alive-stop-policy.js';
import { MaxLifetimeStopPolicy } from '#core/builtins/max-lifetime-stop-policy.js';
import { TrafficStopPolicy } from '#core/builtins/traffic-stop-policy.js';
import { TtlStopPolicy } from '#core/builtins/ttl-stop-policy.js';
import type { StopOpinion } from '#core/contracts/stop-policy.js';
import { JitsuError } from '#core/errors.js';
import { Reaper, verdictOn } from '#core/lifecycle/reaper.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { aUnikernel, type StagedUnikernel } from '../../support/dns-unikernel.js';
import { HandProbe, Life } from '../../support/life.js';
import { MemoryActivitySource } from '../../support/memory-activity-source.js';
import { MemoryDoorman } from '../../support/memory-doorman.js';

describe('the reaper', () => {
  it('stops at the very moment when twice the TTL has passed since the last query', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.ask(web!);
    await life.summon(web!);
    await life.clock.advance(15_000);
    life.ask(web!);
    const lease = life.lease(web!);
    await life.clock.advance(19_999);
    assert.deepEqual([web!.state, lease.holds], ['running', true], 'no answer is taken back before');
    assert.equal(life.stopAt(web!), life.clock.now() + 1);
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
    assert.deepEqual(life.story().slice(-2), ['stopping', 'stopped']);
    assert.equal(life.events.at(-1)?.reason, 'no query for twice the TTL');
  });

  it('tells no time of a stop while a summon is under way', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', ttl: 2, probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(1_000);
    assert.deepEqual([web!.state, web!.phase, life.stopAt(web!)], ['running', 'probing', undefined]);
    await life.stop(web!);
    await failed;
  });

  it('after a freeze reads what waits first, and counts the time for nobody', async () => {
    using life = new Life();
    const [asked, unused] = await life.with({ name: 'asked' }, { name: 'unused' });
    await life.summon(asked!);
    await life.summon(unused!);
    await life.clock.advance(15_000);
    life.clock.freeze(3_600_000);
    await life.clock.advance(0);
    // The query that has waited is read by now, but not in the moment of the timer.
    await life.clock.advance(100);
    life.ask(asked!);
    await life.clock.advance(4_800);
    assert.deepEqual([asked!.state, unused!.state], ['running', 'running'], '19.9 s without the freeze');
    await life.clock.advance(5_200);
    assert.deepEqual([asked!.ready, unused!.state], [true, 'off'], 'counted to 5 s');
    await life.clock.advance(9_899);
    assert.equal(asked!.ready, true);
    // Until the timer has found out, the freeze goes on.
    await life.clock.advance(251);
    assert.equal(asked!.state, 'off');
  });

  it('gives time back for each of several freezes, to those who lived through it', async () => {
    using life = new Life();
    const [first, second] = await life.with({ name: 'first' }, { name: 'second' });
    await life.summon(first!);
    await life.clock.advance(5_000);
    life.clock.freeze(100_000);
    await life.clock.advance(250);
    await life.summon(second!);
    await life.clock.advance(5_000);
    life.clock.freeze(100_000);
    await life.clock.advance(250);
    assert.deepEqual([first!.ready, second!.ready], [true, true]);
    const left = (unikernel: Unikernel): number => Math.ceil((life.stopAt(unikernel) ?? 0) - life.clock.now());
    assert.ok(left(first!) >= 9_500, String(left(first!)));
    assert.ok(left(second!) <= 20_000, String(left(second!)));
    await life.clock.advance(20_000);
    assert.deepEqual([first!.state, second!.state], ['off', 'off']);
  });

  it('never stops one that somebody keeps asking for', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    for (let round = 0; round < 100; round += 1) {
      await life.clock.advance(19_000);
      life.ask(web!);
    }
    assert.equal(web!.ready, true);
    assert.equal(web!.totalStarts, 1);
  });

  it('keeps one whose last query is told only when its leases end, and has it ready again at once', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    await life.clock.advance(19_999);
    const lease = life.lease(web!);
    lease.onEnd(() => lease.used?.(3));
    await life.clock.advance(1);
    assert.equal(lease.holds, false);
    assert.deepEqual([web!.state, web!.ready], ['running', true]);
    assert.equal(web!.counters.get('web.test')!.requests, 3);
    assert.equal(life.lease(web!).holds, true);
    assert.equal(life.stopAt(web!), life.clock.now() + 20_000);
    assert.ok(!life.story().includes('stopping'));
    await life.clock.advance(19_999);
    assert.equal(web!.state, 'running');
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
  });

  it('ends the leases before it stops one that nobody has used', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const story: string[] = [];
    life.lease(web!).onEnd(() => story.push(...life.story().slice(-1), 'lease ended'));
    await life.clock.advance(20_000);
    assert.deepEqual(story, ['ready', 'lease ended']);
    assert.equal(web!.state, 'off');
  });

  it('stops one whose lifetime is over, whatever is told when its leases end', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', stopPolicies: [new MaxLifetimeStopPolicy(60_000)] });
    await life.summon(web!);
    const lease = life.lease(web!);
    lease.onEnd(() => lease.used?.(1));
    await life.clock.advance(60_000);
    assert.deepEqual([web!.state, web!.ready], ['off', false]);
  });

  it('leaves one alone whose boot takes longer than twice the TTL', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', probes: [probe], deadline: 100_000 });
    const summon = life.summon(web!);
    await life.clock.advance(90_000);
    probe.answer();
    await summon;
    life.ask(web!);
    await life.clock.advance(19_999);
    assert.equal(web!.state, 'running');
  });

  it('takes the answers back before the stop begins', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.latency.stop = 1_000;
    await life.clock.advance(20_000);
    assert.equal(web!.state, 'running');
    assert.equal(web!.ready, false);
    await life.clock.advance(1_000);
    assert.equal(web!.state, 'off');
  });

  it('tries again when a stop has failed', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.failNext('stop', new JitsuError('JITSU_BACKEND_FAILED', 'busy'));
    await life.clock.advance(20_000);
    assert.equal(life.story().at(-1), 'stop-failed');
    assert.equal(web!.state, 'running');
    await life.clock.advance(10_000);
    assert.equal(web!.state, 'off');
  });

  it('asks a lifetime limit again even when the next policy keeps for good', async () => {
    using life = new Life();
    const stopPolicies = [new MaxLifetimeStopPolicy(3_600_000), new KeepAliveStopPolicy()];
    const [web] = await life.with({ name: 'web', stopPolicies });
    await life.summon(web!);
    await life.clock.advance(3_599_999);
    assert.equal(web!.state, 'running');
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
    assert.equal(life.events.at(-1)?.reason, 'its lifetime is over');
  });

  it('asks no policy about one that is summoned, stopped, started or not running', () => {
    let asked = 0;
    const policy = { opinionOn: () => ((asked += 1), undefined) };
    using reaper = new Reaper({ on: () => undefined, reap: () => undefined }, new ManualClock());
    const web = (fields: object): StagedUnikernel =>
      Object.assign(aUnikernel({ stopPolicies: [policy] }), { state: 'running' }, fields);
    const summoned = web({});
    summoned.beginSummon();
    for (const one of [summoned, web({ stops: [] }), web({ starting: true }), web({ state: 'paused' })])
      reaper.consider(one);
    assert.equal(asked, 0);
    reaper.consider(web({}));
    assert.equal(asked, 1);
  });

  for (const [last, told] of [
    ['stop', ['expired', 'reap idle']],
    ['keep', ['expired', 'kept']],
  ] as const) {
    it(`takes the answers back before the last word of the policies, which is ${last}`, () => {
      const seen: string[] = [];
      const life = {
        on: (_: unknown, event: string) => void seen.push(event),
        reap: (_: unknown, reason: string) => void seen.push(`reap ${reason}`),
      };
      using reaper = new Reaper(life, new ManualClock());
      const opinionOn = (): StopOpinion =>
        seen.length > 0 && last === 'keep' ? { keepUntil: Infinity } : { stop: 'idle' };
      const web = Object.assign(aUnikernel({ stopPolicies: [{ opinionOn }] }), { state: 'running' as const });
      web.ready = true;
      reaper.consider(web);
      assert.deepEqual(seen, told);
    });
  }

  it('asks again at the moment that is wanted, and no more once it is disposed of', async () => {
    const clock = new ManualClock();
    const asked: number[] = [];
    const opinionOn = (_: unknown, now: number): StopOpinion => (asked.push(now - begin), { keepUntil: now + 50 });
    const begin = clock.now();
    const reaper = new Reaper({ on: () => undefined, reap: () => undefined }, clock);
    const web = Object.assign(aUnikernel({ stopPolicies: [{ opinionOn }] }), { state: 'running' as const });
    reaper.considerIn(web, 20);
    await clock.advance(100);
    assert.deepEqual(asked, [20, 70]);
    reaper[Symbol.dispose]();
    await clock.advance(100);
    // As at the end of a summon that was under way.
    reaper.consider(web);
    assert.deepEqual([asked.length, clock.pending], [2, 0]);
  });

  it('says when one will be stopped: at once, later, or never', () => {
    const clock = new ManualClock();
    using reaper = new Reaper({ on: () => undefined, reap: () => undefined }, clock);
    const stopAt = (opinion: StopOpinion | undefined, state: 'running' | 'off' = 'running'): number | undefined =>
      reaper.outlook(Object.assign(aUnikernel({ stopPolicies: [{ opinionOn: () => opinion }] }), { state }))?.stopAt;
    assert.deepEqual(
      [stopAt({ stop: 'now' }), stopAt({ keepUntil: 9 }), stopAt({ keepUntil: Infinity }), stopAt(undefined)],
      [clock.now(), 9, undefined, undefined],
    );
    assert.equal(stopAt({ stop: 'now' }, 'off'), undefined);
  });

  for (const [what, opinions, verdict] of [
    ['no policy', [], { askAgainAt: Infinity }],
    ['none with an opinion', [undefined, undefined], { askAgainAt: Infinity }],
    ['the first that stops', [undefined, { stop: 'a' }, { stop: 'b' }], { stop: 'a' }],
    ['the first that keeps', [{ keepUntil: 9 }, { stop: 'b' }], { askAgainAt: 9 }],
    ['one that stops behind undecided ones', [{ undecidedUntil: 9 }, { stop: 'b' }], { stop: 'b' }],
    ['one that keeps for long behind an undecided one', [{ undecidedUntil: 5 }, { keepUntil: 9 }], { askAgainAt: 5 }],
    ['one that keeps for less', [{ undecidedUntil: 9 }, { keepUntil: 5 }], { askAgainAt: 5 }],
    ['undecided ones alone', [{ undecidedUntil: 7 }, { undecidedUntil: 9 }], { askAgainAt: 7 }],
  ] as const) {
    it(`decides with ${what}`, () => {
      const policies = opinions.map((opinion) => ({ opinionOn: () => opinion }));
      assert.deepEqual(verdictOn(policies, { unikernel: 'web', since: 0, names: [] }, 1), verdict);
    });
  }

  it('does not stop what is paused, or what nobody can tell the state of', async () => {
    using life = new Life();
    const [paused, lost] = await life.with({ name: 'paused' }, { name: 'lost' });
    await life.summon(paused!);
    await life.summon(lost!);
    life.backend.hypervisor.change(paused!.plan.id, 'paused');
    life.backend.hypervisor.change(lost!.plan.id, 'unknown');
    await life.clock.advance(100_000);
    assert.ok(!life.backend.calls.some((call) => call.startsWith('stop')));
  });
});

describe('the reaper, where traffic is known', () => {
  const chain = [new ConnectionsStopPolicy(), new TrafficStopPolicy(60_000), new TtlStopPolicy()];

  it('keeps what has open connections, however long nobody asks for it, and stops it once they are closed', async () => {
    const source = new MemoryActivitySource();
    using life = new Life({}, { sources: [source] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.summon(web!);
    const lease = life.lease(web!);
    source.traffic.set('web', { connections: 1 });
    await life.clock.advance(600_000);
    assert.deepEqual([web!.ready, lease.holds, web!.totalStarts], [true, true, 1]);
    assert.equal(life.stopAt(web!), undefined, 'nobody knows when');
    const asked = source.asked.length;
    assert.ok(asked >= 50 && asked <= 60, `once in ten seconds, and not ${asked} times in 580 s`);
    source.traffic.set('web', { connections: 0 });
    await life.clock.advance(20_000);
    assert.equal(web!.state, 'off');
  });

  it('counts a connection as a query at the moment when it was last seen open, as nobody sees its end', async () => {
    const source = new MemoryActivitySource();
    using life = new Life({}, { sources: [source] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.summon(web!);
    let seenOpen = 0;
    source.traffic.set('web', { connections: 1 });
    source.beforeAnswer = async () => void (seenOpen = life.clock.now());
    await life.clock.advance(65_000);
    source.beforeAnswer = async () => undefined;
    source.traffic.set('web', { connections: 0 });
    await life.clock.advance(seenOpen + 19_999 - life.clock.now());
    assert.equal(web!.state, 'running');
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
  });

  it('counts no connection of an earlier run, nor any at an earlier moment than its source', async () => {
    const source = new MemoryActivitySource();
    using life = new Life({}, { sources: [source] });
    const [web] = await life.with({ name: 'web', stopPolicies: [new TrafficStopPolicy(15_000), new TtlStopPolicy()] });
    await life.summon(web!);
    const since = life.clock.now();
    source.traffic.set('web', { connections: 1, lastClosed: since + 19_000 });
    await life.clock.advance(20_000);
    assert.equal(web!.state, 'running');
    source.traffic.set('web', { connections: 0, lastClosed: since + 30_000 });
    await life.clock.advance(24_999);
    assert.equal(web!.state, 'running');
    await life.clock.advance(1);
    assert.equal(web!.state, 'off', 'at 45 s, and not 15 s after it was seen open, at 34 s');
    source.traffic.set('web', { connections: 0 });
    await life.summon(web!);
    const again = life.clock.now();
    await life.clock.advance(20_000);
    assert.deepEqual([web!.state, life.clock.now() - again], ['off', 20_000]);
  });

  it('asks for no traffic before all else says stop, and not of what nobody can know', async () => {
    const source = new MemoryActivitySource(['web']);
    using life = new Life({}, { sources: [source] });
    const [web, db] = await life.with({ name: 'web', stopPolicies: chain }, { name: 'db', stopPolicies: chain });
    await life.summon(web!);
    await life.summon(db!);
    await life.clock.advance(19_999);
    assert.deepEqual(source.asked, []);
    await life.clock.advance(1);
    assert.deepEqual([db!.state, [...new Set(source.asked)]], ['off', ['web']]);
  });

  it('keeps what had a packet within the window, until that is over', async () => {
    const source = new MemoryActivitySource();
    using life = new Life({}, { sources: [source] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.summon(web!);
    const last = life.clock.now() + 15_000;
    source.traffic.set('web', { lastPacket: last });
    await life.clock.advance(74_999);
    assert.deepEqual([web!.ready, source.asked.length], [true, 1], 'and is asked once');
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
  });

  it('counts a restart of Jitsu as activity', async () => {
    const source = new MemoryActivitySource();
    using life = new Life({}, { sources: [source] });
    const { id } = life.backend.hypervisor.define('web');
    life.backend.hypervisor.change(id, 'running');
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.clock.advance(59_999);
    assert.equal(web!.state, 'running', 'what came before has been seen by nobody');
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
  });

  it('keeps what a source cannot tell, and asks again in a minute; a longest life ends it all the same', async () => {
    const source = new MemoryActivitySource();
    source.beforeAnswer = () => Promise.reject(new JitsuError('JITSU_BACKEND_FAILED', 'no netlink'));
    using life = new Life({}, { sources: [new MemoryActivitySource(), source] });
    const limited = [new MaxLifetimeStopPolicy(600_000), ...chain];
    const [web, db] = await life.with({ name: 'web', stopPolicies: chain }, { name: 'db', stopPolicies: limited });
    await life.summon(web!);
    await life.summon(db!);
    await life.clock.advance(599_999);
    assert.deepEqual([web!.ready, db!.ready], [true, true]);
    const ofWeb = source.asked.filter((name) => name === 'web').length;
    assert.ok(ofWeb >= 9 && ofWeb <= 10, `${ofWeb} times in ten minutes`);
    await life.clock.advance(1);
    assert.deepEqual([web!.ready, db!.state], [true, 'off']);
    const told = life.logger.lines.filter((line) => line.includes('no netlink'));
    assert.equal(told.length, 1, 'one line for a kind of failure');
    source.beforeAnswer = async () => undefined;
    await life.clock.advance(60_000);
    assert.equal(web!.state, 'off');
  });

  it('keeps what a source tells nonsense about, or says nothing about', async () => {
    for (const nonsense of [null, 'busy', { connections: -1 }, { connections: 0.5 }, { lastPacket: Number.NaN }, {}]) {
      const source = new MemoryActivitySource();
      source.observe = async () => nonsense as never;
      using life = new Life({}, { sources: [source] });
      const [web] = await life.with({ name: 'web', stopPolicies: chain });
      await life.summon(web!);
      await life.clock.advance(300_000);
      assert.equal(web!.ready, true, JSON.stringify(nonsense));
    }
    const source = new MemoryActivitySource();
    source.observe = () => new Promise(() => undefined);
    using life = new Life({}, { sources: [source] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.summon(web!);
    await life.clock.advance(300_000);
    assert.equal(web!.ready, true);
  });

  it('takes the most that any source knows', async () => {
    const [one, two] = [new MemoryActivitySource(), new MemoryActivitySource()];
    using life = new Life({}, { sources: [one, two] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.summon(web!);
    one.traffic.set('web', { connections: 0, lastPacket: -Infinity });
    two.traffic.set('web', { connections: 3, detail: 'from 192.0.2.7' });
    await life.clock.advance(60_000);
    assert.equal(web!.ready, true);
    two.beforeAnswer = () => Promise.reject(new Error('gone'));
    one.traffic.set('web', { connections: 1 });
    await life.clock.advance(60_000);
    assert.equal(web!.ready, true);
  });

  it('holds first packets before it asks for traffic the last time, and stops only then', async () => {
    const [source, doorman] = [new MemoryActivitySource(), new MemoryDoorman()];
    using life = new Life({}, { sources: [source], doormen: [doorman] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.summon(web!);
    await life.clock.advance(0);
    const lease = life.lease(web!);
    const seen: unknown[] = [];
    source.beforeAnswer = async () => void seen.push([lease.holds, doorman.armed.get('web'), web!.phase]);
    await life.clock.advance(60_000);
    assert.deepEqual(seen, [
      // Nobody has seen what was before its first minute.
      [true, undefined, 'ready'],
      [true, undefined, 'ready'],
      [false, 'hold', 'withdrawn'],
    ]);
    assert.deepEqual(
      [web!.state, doorman.calls.slice(-3)],
      ['off', ['arm web hold', 'arm web pass', 'arm web refuse']],
    );
  });

  it('keeps what gets a connection between the two', async () => {
    const [source, doorman] = [new MemoryActivitySource(), new MemoryDoorman()];
    using life = new Life({}, { sources: [source], doormen: [doorman] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    await life.summon(web!);
    await life.clock.advance(0);
    source.beforeAnswer = async () => {
      if (web!.phase === 'withdrawn') source.traffic.set('web', { connections: 1 });
    };
    await life.clock.advance(60_000);
    assert.deepEqual([web!.ready, doorman.calls.slice(-2)], [true, ['arm web hold', 'release web deliver']]);
    assert.deepEqual(life.calls('stop'), []);
    await life.clock.advance(60_000);
    assert.equal(doorman.calls.length, 4, 'what is in use is not disturbed any more');
    const kept = life.events.filter(({ kind }) => kind === 'kept');
    assert.deepEqual(
      kept.map(({ reason }) => reason),
      ['by traffic', 'by 1 connection'],
      'each told once in a run',
    );
  });

  for (const [what, wake] of Object.entries({
    'a query': (life: Life, web: Unikernel) => life.summon(web),
    'a knock': async (_life: Life, _web: Unikernel, doorman: MemoryDoorman) => {
      const packet = doorman.send('web');
      assert.equal(packet.outcome, 'waits');
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(packet.outcome, 'delivered');
    },
    'a packet of a connection': async (_life: Life, _web: Unikernel, doorman: MemoryDoorman) => {
      const packet = doorman.send('web', { isOfConnection: true });
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(packet.outcome, 'delivered');
    },
  })) {
    it(`keeps what ${what} finds while its traffic is asked for the last time`, async () => {
      const [source, doorman] = [new MemoryActivitySource(), new MemoryDoorman()];
      using life = new Life({}, { sources: [source], doormen: [doorman] });
      const [web] = await life.with({ name: 'web', stopPolicies: chain });
      await life.summon(web!);
      await life.clock.advance(0);
      let answer = (): void => undefined;
      source.beforeAnswer = () =>
        web!.phase === 'withdrawn' ? new Promise((resolve) => (answer = resolve)) : Promise.resolve();
      await life.clock.advance(60_000);
      assert.equal(web!.phase, 'withdrawn');
      await wake(life, web!, doorman);
      assert.equal(web!.ready, true);
      answer();
      await life.clock.advance(0);
      assert.deepEqual([web!.ready, life.calls('stop')], [true, []]);
      assert.equal(life.stopAt(web!), life.clock.now() + 20_000, 'which begins anew');
      const happened = life.story().filter((kind) => kind !== 'kept');
      assert.deepEqual(happened, ['summoning', 'started', 'ready'], 'and nothing has happened to it');
      source.beforeAnswer = async () => undefined;
      await life.clock.advance(20_000);
      assert.equal(web!.state, 'off');
    });
  }

  it('does not stop what is stopped, lost or started anew meanwhile', async () => {
    const source = new MemoryActivitySource();
    using life = new Life({}, { sources: [source] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    let answer = (): void => undefined;
    const hold = (): Promise<void> => new Promise((resolve) => (answer = resolve));
    source.beforeAnswer = hold;
    await life.summon(web!);
    await life.clock.advance(20_000);
    await life.stop(web!);
    answer();
    await life.clock.advance(0);
    assert.deepEqual(life.calls('stop'), ['stop web destroy']);
    await life.summon(web!);
    await life.clock.advance(20_000);
    life.backend.hypervisor.change(web!.plan.id, 'off');
    await life.clock.advance(0);
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    answer();
    await life.clock.advance(0);
    assert.equal(web!.state, 'running', 'it is another run');
    answer();
    await life.clock.advance(19_999);
    assert.equal(web!.state, 'running');
    source.beforeAnswer = async () => undefined;
    answer();
    await life.clock.advance(100_000);
    assert.equal(web!.state, 'off', 'and is not forgotten');
  });

  it('stops what runs and was never ready, held as well, and steps aside where that is kept', async () => {
    const [source, doorman] = [new MemoryActivitySource(), new MemoryDoorman()];
    using life = new Life({}, { sources: [source], doormen: [doorman] });
    const { id } = life.backend.hypervisor.define('web');
    life.backend.hypervisor.change(id, 'running');
    const [web] = await life.with({ name: 'web', stopPolicies: chain });
    let isUsed = true;
    source.beforeAnswer = async () => {
      source.traffic.set('web', { connections: doorman.armed.size > 0 && isUsed ? 1 : 0 });
    };
    await life.clock.advance(20_000);
    assert.deepEqual([web!.state, doorman.calls], ['running', ['arm web hold', 'release web deliver']]);
    isUsed = false;
    await life.clock.advance(20_000);
    assert.deepEqual([web!.state, doorman.armed.get('web')], ['off', 'refuse']);
  });

  it('suspends what has idle connections where their packets wake it, and not within a minute after a packet', async () => {
    const [source, doorman] = [new MemoryActivitySource(), new MemoryDoorman()];
    using life = new Life({}, { sources: [source], doormen: [doorman] });
    const plan = { stopPolicies: chain, stopMode: 'suspend' };
    const [web, counted] = await life.with({ name: 'web', ...plan }, { name: 'counted', ...plan });
    await life.summon(web!);
    await life.summon(counted!);
    source.traffic.set('web', { connections: 1, lastPacket: life.clock.now() + 20_000 });
    source.traffic.set('counted', { connections: 1 });
    await life.clock.advance(79_999);
    assert.deepEqual([web!.state, counted!.state], ['running', 'running']);
    await life.clock.advance(1);
    assert.equal(web!.state, 'suspended');
    await life.clock.advance(100_000);
    assert.equal(counted!.state, 'running', 'nobody knows whether its connections are idle');
    const packet = doorman.send('web', { isOfConnection: true });
    await life.clock.advance(0);
    assert.deepEqual([packet.outcome, web!.ready], ['delivered', true]);
  });

  it('keeps what has idle connections where a stop turns its machine off, and saves its memory alone', async () => {
    const [source, doorman] = [new MemoryActivitySource(), new MemoryDoorman()];
    using life = new Life({}, { sources: [source], doormen: [doorman] });
    const [web] = await life.with({ name: 'web', stopPolicies: chain, stopMode: 'managedsave' });
    await life.summon(web!);
    source.traffic.set('web', { connections: 1, lastPacket: life.clock.now() });
    await life.clock.advance(600_000);
    assert.deepEqual(
      life.events.map(({ kind }) => kind).filter((kind) => kind.startsWith('stop')),
      [],
    );
  });
});
