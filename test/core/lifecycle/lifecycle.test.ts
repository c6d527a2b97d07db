import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Machine } from '#core/contracts/machine.js';
import { JitsuError } from '#core/errors.js';
import { Lifecycle } from '#core/lifecycle/lifecycle.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { aCommand, HandProbe, Life } from '../../support/life.js';

describe('the lifecycle', () => {
  it('has a stop wait for a start that is under way, instead of calling down what comes up after it', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.backend.latency.start = 1_000;
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(500);
    let stopped = false;
    const stop = life.stop(web!).then(() => (stopped = true));
    await failed;
    await life.clock.advance(499);
    assert.deepEqual([stopped, life.lifecycle.status(web!).phase], [false, 'stopping']);
    await life.clock.advance(1);
    await stop;
    assert.deepEqual([web!.state, life.calls('stop')], ['off', ['stop web destroy']]);
    assert.equal(life.lifecycle.booting, 0);
  });

  it('has a summon wait for a start that has outlived an earlier one, and takes no second place for it', async () => {
    using life = new Life({ limit: 1 });
    const [web] = await life.with({ name: 'web', deadline: 10_000 });
    life.backend.latency.start = 15_000;
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(12_000);
    await failed;
    const summon = life.summon(web!);
    assert.equal(life.lifecycle.status(web!).phase, 'summoning');
    await life.clock.advance(3_000);
    await summon;
    assert.deepEqual([web!.ready, web!.totalStarts, life.calls('start').length], [true, 1, 1]);
    assert.equal(life.lifecycle.booting, 0);
    assert.ok(!life.story().includes('adopted'), 'it was our own start');
  });

  it('leaves one alone whose backend does not get it to run in the deadlines of two summons', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', deadline: 10_000 });
    life.backend.latency.start = 60_000;
    for (const count of [1, 2]) {
      const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
      await life.clock.advance(10_000);
      assert.match((await failed).message, /Its backend has not got it to run yet \(off\)/);
      assert.equal(web!.failure?.count, count);
      await life.clock.advance(2_000);
    }
  });

  it('tells whoever waits for the end of a slow stop what takes so long, and does not hold it against the unikernel', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', stopMode: 'suspend' });
    await life.summon(web!);
    life.backend.latency.stop = 60_000;
    const stopped = life.stop(web!);
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    assert.match((await failed).message, /Its backend has not stopped it yet \(running\)/);
    assert.equal(web!.failure, undefined);
    assert.equal(life.lifecycle.status(web!).phase, 'stopping');
    await life.clock.advance(30_000);
    await stopped;
    assert.deepEqual([web!.state, life.lifecycle.status(web!).phase], ['suspended', 'down']);
  });

  it('waits for a start as long as it takes, however lately one was stopped', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', deadline: 200_000 });
    life.backend.latency.start = 10_000;
    const stopped = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(1_000);
    const stop = life.stop(web!);
    await stopped;
    assert.equal(web!.failure, undefined, 'it is not held against the unikernel');
    await life.clock.advance(9_000);
    await stop;
    assert.equal(life.clock.pending, 0);
    life.backend.latency.start = 100_000;
    const ready = life.summon(web!);
    await life.clock.advance(100_000);
    await ready;
    assert.equal(web!.ready, true);
  });

  it('ends the summon that waits for a stop when another stop is asked for', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.latency.stop = 500;
    const stops = [life.stop(web!)];
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    stops.push(life.stop(web!));
    await failed;
    await life.clock.advance(500);
    await Promise.all(stops);
    assert.deepEqual([web!.state, life.calls('start').length], ['off', 1]);
  });

  it('does not forget to reap one whose stop by command has failed in the moment in which it was to be reaped', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    await life.clock.advance(19_000);
    life.backend.latency.stop = 2_000;
    life.backend.failNext('stop', new JitsuError('JITSU_BACKEND_FAILED', 'it is being migrated'));
    const failed = rejectsWithCode(life.stop(web!), 'JITSU_BACKEND_FAILED');
    await life.clock.advance(2_000);
    await failed;
    assert.equal(web!.state, 'running');
    await life.clock.advance(12_000);
    assert.equal(web!.state, 'off');
  });

  it('says that a backend is back when it is a summon that finds out, and later of a death that it is one', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.hypervisor.lose();
    await life.clock.advance(0);
    assert.equal(life.story().at(-1), 'lost');
    const held = life.holdNextLook();
    life.backend.hypervisor.restore();
    await life.summon(web!);
    held.release();
    await life.clock.advance(0);
    assert.deepEqual(life.story().slice(-3), ['returned', 'summoning', 'ready']);
    life.backend.kill(web!.plan.id);
    await life.clock.advance(0);
    assert.equal(life.story().at(-1), 'died');
  });

  it('learns from a look that outlives its summon as from any other', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const [web] = await life.with({ name: 'web' });
    life.backend.hypervisor.change(web!.plan.id, 'running');
    const held = life.holdNextLook();
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    await failed;
    assert.equal(web!.state, 'off');
    held.release();
    await life.clock.advance(0);
    assert.deepEqual([web!.state, life.story().at(-1)], ['running', 'adopted']);
    await life.clock.advance(20_000);
    assert.equal(web!.state, 'off', 'it is reaped in time');
  });

  it('calls off the probes of a summon that has ended, and the next summon does not hear of them', async () => {
    for (const outcome of ['answers', 'fails'] as const) {
      using life = new Life();
      const signals: AbortSignal[] = [];
      const ends: (() => void)[] = [];
      // It does not heed its signal.
      const untilReady = (_: unknown, signal: AbortSignal): Promise<void> =>
        new Promise((resolve, reject) => {
          signals.push(signal);
          ends.push(outcome === 'answers' ? resolve : () => reject(new Error('too late')));
        });
      const [web] = await life.with({ name: 'web', probes: [{ untilReady }] });
      const stopped = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
      await life.clock.advance(10);
      await life.stop(web!);
      await stopped;
      assert.equal(signals[0]?.aborted, true);
      const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
      await life.clock.advance(10);
      assert.equal(ends.length, 2);
      ends[0]?.();
      await life.clock.advance(10);
      assert.deepEqual([web!.ready, web!.isSummoned], [false, true]);
      await life.clock.advance(30_000);
      await failed;
    }
  });

  it('looks no more at a machine on its way when the summon that waits for it has ended', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.backend.hypervisor.change(web!.plan.id, 'stopping');
    await life.clock.advance(0);
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(29_999);
    const looks = life.calls('describe').length;
    await life.clock.advance(1);
    await failed;
    await life.clock.advance(1_000);
    assert.equal(life.calls('describe').length, looks);
  });

  it('takes no place among the boots for one that is stopped in the moment in which its turn has come', async () => {
    using life = new Life({ limit: 1 });
    const [first, second] = await life.with({ name: 'first' }, { name: 'second' });
    const probe = new HandProbe();
    Object.assign(first!.plan, { probes: [probe] });
    const ready = life.summon(first!);
    await life.clock.advance(10);
    const stopped = rejectsWithCode(life.summon(second!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(0);
    let stop: Promise<void> | undefined;
    life.onEvent = ({ kind }) => {
      // The first has just given its place to the second.
      if (kind === 'ready') stop = life.stop(second!);
    };
    probe.answer();
    await Promise.all([ready, stopped]);
    await stop;
    await life.clock.advance(0);
    assert.deepEqual([life.lifecycle.booting, second!.state], [0, 'off']);
  });

  it('is closed when what is under way has ended by itself', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web, db] = await life.with({ name: 'web', probes: [probe] }, { name: 'db' });
    await life.summon(db!);
    const ready = life.summon(web!);
    await life.clock.advance(0);
    const patience = new AbortController();
    let closed = false;
    const closing = life.close(patience.signal).then(() => (closed = true));
    await life.clock.advance(100);
    assert.equal(closed, false);
    probe.answer();
    await ready;
    await closing;
    patience.abort();
    assert.deepEqual([web!.ready, life.story().at(-1)], [true, 'ready']);
  });

  it('starts nothing more when it is closed: neither behind a stop, nor from the queue, nor after a look', async () => {
    using life = new Life({ limit: 1 });
    const [stopped, booting, queued, asked] = await life.with(
      { name: 'stopped' },
      { name: 'booting' },
      { name: 'queued' },
      { name: 'asked' },
    );
    await life.summon(stopped!);
    Object.assign(life.backend.latency, { start: 500, stop: 3_000 });
    const stop = life.stop(stopped!, 'no query');
    const booted = life.summon(booting!);
    await life.clock.advance(0);
    const look = life.holdNextLook();
    const late = [asked!, stopped!, queued!].map((unikernel) => life.summon(unikernel));
    await life.clock.advance(0);
    assert.equal(look.asked, true);
    const closed = life.close(new AbortController().signal);
    for (const summon of late.slice(1)) await rejectsWithCode(summon, 'JITSU_SHUTTING_DOWN');
    look.release();
    await rejectsWithCode(late[0]!, 'JITSU_SHUTTING_DOWN');
    await life.clock.advance(500);
    await Promise.all([booted, closed]);
    await life.clock.advance(60_000);
    await stop;
    assert.deepEqual(life.calls('start'), ['start stopped', 'start booting']);
    assert.deepEqual([stopped!.state, booting!.state], ['off', 'running']);
  });

  it('stops nothing by itself or by command when it is closed, but what it is told to stop at the end', async () => {
    using life = new Life();
    const [web, slow] = await life.with({ name: 'web' }, { name: 'slow' });
    await life.summon(web!);
    life.backend.latency.start = 1_000;
    const patience = new AbortController();
    const failed = rejectsWithCode(life.summon(slow!), 'JITSU_SHUTTING_DOWN');
    await life.clock.advance(0);
    const closed = life.close(patience.signal);
    patience.abort();
    await Promise.all([failed, closed]);
    await rejectsWithCode(life.stop(web!), 'JITSU_SHUTTING_DOWN');
    const stopped = life.lifecycle.stopAll([web!, slow!], 'Jitsu ends');
    await life.clock.advance(1_000);
    await stopped;
    assert.deepEqual([web!.state, slow!.state], ['off', 'off'], 'also what was being started');

    using idle = new Life();
    const [unused] = await idle.with({ name: 'unused' });
    await idle.summon(unused!);
    await idle.close(AbortSignal.abort());
    await idle.clock.advance(3_600_000);
    assert.deepEqual([unused!.state, idle.calls('stop')], ['running', []], 'the reaper has ended, too');
  });

  it('tells and counts nothing more when it is disposed, whatever was under way', async () => {
    const life = new Life();
    const [web, db] = await life.with({ name: 'web' }, { name: 'db' });
    await life.summon(web!);
    Object.assign(life.backend.latency, { stop: 3_000, start: 3_000 });
    const stop = rejectsWithCode(life.stop(web!, 'no query', 'shutdown'), 'JITSU_BACKEND_UNREACHABLE');
    const failed = rejectsWithCode(life.summon(db!), 'JITSU_SHUTTING_DOWN');
    await life.clock.advance(1_000);
    life.backend.failNext('stop', new JitsuError('JITSU_BACKEND_UNREACHABLE', 'closed under it'));
    await life.close(AbortSignal.abort());
    await failed;
    life[Symbol.dispose]();
    const told = life.events.length;
    await life.clock.advance(3_600_000);
    await stop;
    assert.equal(life.events.length, told);
    assert.equal(life.clock.pending, 0);
  });

  it('announces by the wall clock, and waits by the other one, however that is set meanwhile', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', ttl: 1_000 });
    await life.summon(web!);
    const { stopAt = NaN } = life.lifecycle.status(web!);
    life.clock.stepWallTime(3_600_000);
    assert.equal(life.lifecycle.status(web!).stopAt, stopAt + 3_600_000);
    await life.clock.advance(1);
    assert.equal(web!.phase, 'ready');
    life.clock.stepWallTime(-7_200_000);
    await life.lifecycle.stop(web!, 'by command');
    assert.equal(life.events.at(-1)?.at, life.clock.wallTime());
    assert.equal(life.clock.wallTime(), life.clock.now() - 3_600_000);
  });

  it('announces each step with its cause, its reason and how long it took', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', stopMode: 'suspend', probes: [probe] });
    Object.assign(life.backend.latency, { start: 30, stop: 40 });
    const ready = life.summon(web!, aCommand);
    await life.clock.advance(100);
    probe.answer();
    await ready;
    const stopped = life.stop(web!, 'enough');
    await life.clock.advance(40);
    await stopped;
    await life.summon(web!);
    const told = life.events.map(({ kind, cause, reason, duration }) => [kind, cause?.kind, reason, duration]);
    assert.deepEqual(told, [
      ['summoning', 'command', undefined, undefined],
      ['started', 'command', undefined, undefined],
      ['ready', 'command', undefined, 100],
      ['stopping', undefined, 'enough', undefined],
      ['stopped', undefined, 'enough', 40],
      ['summoning', 'query', undefined, undefined],
      ['resumed', 'query', undefined, undefined],
      ['ready', 'query', undefined, 0],
    ]);
    life.backend.hypervisor.change(web!.plan.id, 'paused');
    await life.clock.advance(0);
    await life.summon(web!);
    assert.equal(life.story().at(-2), 'unpaused');
  });

  it('calls an error without a code a failure of the backend', async () => {
    using life = new Life();
    const fail = async (): Promise<void> => Promise.reject(new Error('odd'));
    const [web] = await life.with({ name: 'web' });
    const machine = web!.plan.machine;
    const odd = { describe: () => machine.describe(), start: fail, stop: fail } as unknown as Required<Machine>;
    Object.assign(web!.plan, { machine: odd });
    await assert.rejects(life.summon(web!), /odd/);
    assert.deepEqual([web!.failure?.code, life.events.at(-1)?.code], ['JITSU_BACKEND_FAILED', 'JITSU_BACKEND_FAILED']);
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    await assert.rejects(life.stop(web!), /odd/);
    const { kind, code, reason } = life.events.at(-1)!;
    assert.deepEqual([kind, code, reason], ['stop-failed', 'JITSU_BACKEND_FAILED', 'odd']);
  });

  it('tells whoever stores counters of each change', async () => {
    const clock = new ManualClock();
    const marked: string[] = [];
    const boot = { limit: 1, queue: 1, firstBackOff: 1, longestBackOff: 1 };
    const listeners = { onEvent: () => undefined, onCount: ({ name }: Unikernel) => marked.push(name) };
    using lifecycle = new Lifecycle(boot, listeners, clock);
    const web = aUnikernel({ name: 'web', names: ['web.test'] });
    lifecycle.countQuery(web, 'web.test', 7);
    lifecycle.countAnswer(web, 'web.test', 9);
    lifecycle.countQuery(web, 'nobody.test', 11);
    assert.deepEqual(marked, ['web', 'web']);
    assert.deepEqual(web.counters.get('web.test'), { name: 'web.test', requests: 1, lastAsked: 9 });
  });

  it('has a phase for each thing that is done with a unikernel', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', probes: [probe] });
    const phase = (): string => life.lifecycle.status(web!).phase;
    assert.equal(phase(), 'down');
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DIED');
    await life.clock.advance(5);
    assert.equal(phase(), 'summoning');
    life.backend.kill(web!.plan.id);
    await failed;
    assert.equal(phase(), 'failing');
    await life.clock.advance(1_000);
    const summon = life.summon(web!);
    probe.answer();
    await life.clock.advance(5);
    await summon;
    assert.equal(phase(), 'ready');
    for (const state of ['paused', 'running'] as const) life.backend.hypervisor.change(web!.plan.id, state);
    await life.clock.advance(0);
    assert.equal(phase(), 'running');
    life.backend.latency.stop = 100;
    const stopped = life.stop(web!);
    assert.equal(phase(), 'stopping');
    await life.clock.advance(100);
    await stopped;
    assert.equal(phase(), 'down');
  });

  it('keeps the promise whatever people, guests and the backend do, and ends every wait', async function () {
    this.timeout(60_000);
    const kinds = ['summon', 'summon', 'ask', 'stop', 'suspend', 'shutdown', 'kill', 'pause', 'run', 'lose', 'restore'];
    const deed = fc.record({
      kind: fc.constantFrom(...kinds, 'fail', 'slow', 'quick', 'silent', 'answering'),
      wait: fc.constantFrom(0, 0, 1, 50, 700, 8_000, 31_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 25, maxLength: 25 }), fc.boolean(), async (deeds, watched) => {
        using life = new Life();
        if (!watched) Object.assign(life.backend, { watch: undefined });
        const probe = new HandProbe();
        probe.answer();
        const [web] = await life.with({ name: 'web', probes: [probe] });
        const { id } = web!.plan;
        const { hypervisor } = life.backend;
        const waits: Promise<unknown>[] = [];
        let starting = 0;
        const start = life.backend.start.bind(life.backend);
        life.backend.start = async (machine) => {
          assert.equal(++starting, 1, 'one boot at a time');
          assert.ok(!['stopping'].includes(web!.phase), 'no boot while it is stopped');
          await start(machine).finally(() => (starting -= 1));
        };
        const deadlines = 40_000;
        for (const { kind, wait } of deeds) {
          if (kind === 'summon')
            waits.push(life.summon(web!).catch((error: unknown) => assert.ok(error instanceof JitsuError)));
          if (kind === 'ask') life.ask(web!);
          if (kind === 'stop') waits.push(life.stop(web!).catch(() => undefined));
          if (kind === 'suspend' || kind === 'shutdown')
            waits.push(life.stop(web!, 'why', kind).catch(() => undefined));
          if (kind === 'kill') life.backend.kill(id);
          if (kind === 'pause' && hypervisor.machines.get(id)?.state === 'running') hypervisor.change(id, 'paused');
          if (kind === 'run') hypervisor.change(id, 'running');
          if (kind === 'lose') hypervisor.lose();
          if (kind === 'restore') hypervisor.restore();
          if (kind === 'fail') life.backend.failNext('start', new JitsuError('JITSU_BACKEND_FAILED', 'no memory'));
          if (kind === 'slow') Object.assign(life.backend.latency, { start: 45_000, stop: 20_000 });
          if (kind === 'quick') Object.assign(life.backend.latency, { start: 5, stop: 5 });
          if (kind === 'silent') probe.fallSilent();
          if (kind === 'answering') probe.answer();
          if (watched && web!.ready) assert.equal(web!.state, 'running');
          await life.clock.advance(wait);
          if (web!.ready) assert.equal(web!.state, 'running', 'never ready while not running');
          if (watched && web!.ready) assert.equal(hypervisor.machines.get(id)?.state, 'running');
        }
        const all = Promise.all(waits).then(() => 'all told');
        hypervisor.restore();
        for (let patience = 0; patience < 400_000; patience += deadlines) await life.clock.advance(deadlines);
        assert.equal(await Promise.race([all, Promise.resolve('somebody waits')]), 'all told');
        assert.equal(life.lifecycle.booting, 0);
      }),
      { numRuns: 60 },
    );
  });

  it('has no timer left when it is disposed, whatever hangs: Jitsu could not end before', async () => {
    using life = new Life();
    const [web, db, deaf] = await life.with(
      { name: 'web' },
      { name: 'db' },
      { name: 'deaf', stopMode: 'shutdown', grace: 500_000 },
    );
    await life.summon(deaf!);
    life.backend.start = life.backend.stop = () => new Promise(() => undefined);
    for (const unikernel of [web!, db!]) {
      const failed = rejectsWithCode(life.summon(unikernel), 'JITSU_SUMMON_DEADLINE');
      await life.clock.advance(30_000);
      await failed;
    }
    for (const unikernel of [db!, deaf!]) void life.stop(unikernel);
    await life.clock.advance(0);
    const before = life.story();
    life.lifecycle[Symbol.dispose]();
    await life.guarded.close();
    assert.equal(life.clock.pending, 0);
    await life.clock.advance(1_000_000);
    assert.deepEqual([life.story(), life.calls('stop')], [before, []], 'nothing is given up, and so nothing stopped');
  });
});
