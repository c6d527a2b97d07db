import assert from 'node:assert/strict';
import type { ReadinessTarget } from '#core/contracts/readiness-probe.js';
import { JitsuError } from '#core/errors.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { aCommand, HandProbe, Life } from '../../support/life.js';

describe('the summoner', () => {
  it('boots a unikernel once for all who ask meanwhile', async () => {
    using life = new Life();
    life.backend.latency.start = 100;
    const [web] = await life.with({ name: 'web' });
    const all = Promise.all(Array.from({ length: 200 }, () => life.summon(web!)));
    await life.clock.advance(100);
    await all;
    assert.deepEqual(
      life.backend.calls.filter((call) => call.startsWith('start')),
      ['start web'],
    );
    assert.equal(web!.totalStarts, 1);
    assert.deepEqual(life.story(), ['summoning', 'started', 'ready']);
    assert.equal(life.events.at(-1)?.duration, 100);
  });

  it('answers at once for one that is ready, without a word to the backend', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const calls = life.backend.calls.length;
    await life.summon(web!);
    assert.equal(life.backend.calls.length, calls);
  });

  it('tells a summon of one that runs already as any other, and nothing where it is ready', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', probes: [probe] });
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    const first = life.summon(web!, aCommand);
    await life.clock.advance(0);
    assert.deepEqual(life.story(), ['adopted', 'summoning']);
    probe.answer();
    await first;
    await life.summon(web!, aCommand);
    assert.deepEqual(
      life.events.map(({ kind, cause }) => [kind, cause]),
      [
        ['adopted', undefined],
        ['summoning', aCommand],
        ['ready', aCommand],
      ],
    );
  });

  it('resumes what is suspended and unpauses what is paused', async () => {
    using life = new Life();
    const [asleep, paused] = await life.with({ name: 'asleep' }, { name: 'paused' });
    for (const { plan } of [asleep!, paused!]) life.backend.hypervisor.change(plan.id, 'running');
    life.backend.hypervisor.change(asleep!.plan.id, 'suspended');
    life.backend.hypervisor.change(paused!.plan.id, 'paused');
    await life.clock.advance(0);
    await life.summon(asleep!);
    await life.summon(paused!);
    assert.ok(life.backend.calls.includes('resume asleep'));
    assert.ok(life.backend.calls.includes('unpause paused'));
    assert.ok(!life.backend.calls.some((call) => call.startsWith('start')));
  });

  it('answers for a machine in an unknown state without starting it, and keeps no promise for the next query', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.backend.hypervisor.change(web!.plan.id, 'unknown');
    await life.summon(web!);
    assert.equal(web!.ready, false);
    assert.ok(!life.backend.calls.some((call) => call.startsWith('start')));
  });

  it('waits for the probes, and for the delay only after a boot', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', probes: [probe], delay: 300 });
    let answered = false;
    const summon = life.summon(web!).then(() => (answered = true));
    await life.clock.advance(1_000);
    assert.equal(answered, false);
    probe.answer();
    await life.clock.advance(299);
    assert.equal(answered, false);
    await life.clock.advance(1);
    await summon;

    for (const state of ['paused', 'running'] as const) life.backend.hypervisor.change(web!.plan.id, state);
    await life.clock.advance(0);
    assert.equal(web!.ready, false);
    await life.summon(web!);
    assert.equal(life.clock.pending, 1, 'only the reaper waits');
  });

  it('waits for addresses where only the backend can find them out, and probes those', async () => {
    using life = new Life();
    const reported: string[] = [];
    const probed: (readonly string[])[] = [];
    const probe = { untilReady: async ({ addresses }: ReadinessTarget) => void probed.push(addresses) };
    Object.assign(life.backend, { addresses: async () => [...reported] });
    const [web] = await life.with({ name: 'web', addresses: [], probes: [probe] });
    assert.deepEqual(web!.addresses, []);
    const summon = life.summon(web!);
    await life.clock.advance(5_000);
    assert.deepEqual([web!.state, web!.ready, probed], ['running', false, []]);
    reported.push('192.0.2.9');
    await life.clock.advance(100);
    await summon;
    assert.deepEqual([web!.addresses, probed], [['192.0.2.9'], [['192.0.2.9']]]);
    assert.deepEqual(life.events.at(-1)?.addresses, ['192.0.2.9']);
  });

  it('waits for a delay of a millisecond, and asks no backend for addresses that are configured', async () => {
    using life = new Life();
    let asked = 0;
    Object.assign(life.backend, { addresses: async () => ((asked += 1), []) });
    const [web] = await life.with({ name: 'web', delay: 1 });
    const summon = life.summon(web!);
    await life.clock.advance(0);
    assert.deepEqual([web!.state, web!.ready], ['running', false]);
    await life.clock.advance(1);
    await summon;
    assert.deepEqual([web!.ready, asked], [true, 0]);
  });

  it('tells the probes the number of the machine that runs', async () => {
    using life = new Life();
    const told: unknown[] = [];
    const untilReady = async ({ domainId }: ReadinessTarget): Promise<void> => void told.push(domainId);
    const [web] = await life.with({ name: 'web', probes: [{ untilReady }] });
    await life.summon(web!);
    assert.equal(typeof web!.domainId, 'number');
    assert.deepEqual(told, [web!.domainId]);
  });

  it('tells the probes how commands that look after the machine run, if it is a process', async () => {
    using life = new Life();
    const told: unknown[] = [];
    const untilReady = async (target: ReadinessTarget): Promise<void> => void told.push(target.execution?.());
    const [web] = await life.with({ name: 'web', probes: [{ untilReady }] });
    await life.summon(web!);
    assert.deepEqual(told, [undefined]);
  });

  it('fails at once with the reason when the machine goes down, whatever it is seen as on the way, and never answers then', async () => {
    for (const between of [[], ['stopping'], ['paused'], ['paused', 'stopping']] as const) {
      using life = new Life();
      const probe = new HandProbe();
      const [web] = await life.with({ name: 'web', probes: [probe] });
      const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DIED');
      await life.clock.advance(1_000);
      for (const state of between) {
        life.backend.hypervisor.change(web!.plan.id, state);
        await life.clock.advance(0);
      }
      // Its socket is still open, or another process of its group has it.
      if (between.at(-1) === 'stopping') probe.answer();
      await life.clock.advance(100);
      assert.equal(web!.ready, false);
      const since = life.clock.now();
      life.backend.kill(web!.plan.id, 'exited with status 3');
      await life.clock.advance(20);
      assert.match((await failed).message, /went off before its service answered: exited with status 3/);
      assert.equal(life.lifecycle.booting, 0);
      assert.ok(life.clock.now() - since <= 20);
    }
  });

  it('fails at the deadline with what is true where it stays on its way down', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(1_000);
    life.backend.hypervisor.change(web!.plan.id, 'stopping');
    await life.clock.advance(29_000);
    assert.match((await failed).message, /It does not run any more, and is not off \(stopping\)/);
  });

  it('fails at the deadline, leaves the machine running, and then leaves it alone for a while', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', probes: [probe] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    assert.match((await failed).message, /web was not ready within 30 s\. It ran, but its service did not answer/);
    assert.equal(web!.state, 'running');

    const alone = await rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_BACKING_OFF');
    assert.match(alone.message, /failed once and is left alone for 1 s more/);
    probe.answer();
    await life.clock.advance(1_000);
    await life.summon(web!);
    assert.equal(web!.failure, undefined);
    assert.equal(web!.totalStarts, 1, 'it was still running');
  });

  it('doubles the pause with each failure in a row, and tries at once for a command', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    const refuse = (): void => life.backend.failNext('start', new JitsuError('JITSU_BACKEND_FAILED', 'no memory left'));
    refuse();
    await rejectsWithCode(life.summon(web!), 'JITSU_BACKEND_FAILED');
    assert.equal(web!.failure!.retryAt! - life.clock.now(), 1_000);
    refuse();
    await rejectsWithCode(life.summon(web!, aCommand), 'JITSU_BACKEND_FAILED');
    assert.equal(web!.failure!.retryAt! - life.clock.now(), 2_000);
    assert.equal(web!.failure!.reason, 'no memory left');
    await life.clock.advance(2_000);
    await life.summon(web!);
    assert.equal(web!.ready, true);
  });

  it('fails at once when the machine dies while it boots, and says why', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DIED');
    await life.clock.advance(50);
    life.backend.kill(web!.plan.id, 'exited with status 3');
    assert.match((await failed).message, /exited with status 3/);
    assert.deepEqual(life.story(), ['summoning', 'started', 'failed']);
  });

  it('is not misled by an answer that was given before its machine died', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const { backend } = life;
    const { id } = web!.plan;
    const describe = backend.describe.bind(backend);
    let asked = (): void => {};
    let release = (): void => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const held = new Promise<void>((resolve) => (release = resolve));
    // The look that follows the start is answered last, with what was true when it was asked for.
    backend.start = async () => {
      backend.hypervisor.change(id, 'running');
      const early = await describe(id);
      await life.clock.advance(0);
      backend.describe = async () => {
        backend.describe = describe;
        asked();
        await held;
        return early;
      };
    };
    const summon = life.summon(web!);
    const failure = rejectsWithCode(summon, 'JITSU_SUMMON_DIED');
    await isAsked;
    backend.kill(id, 'crashed');
    await life.clock.advance(1);
    await failure;
    release();
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
  });

  it('fails at once when the backend is lost while it boots, and does not hold that against the unikernel', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_BACKEND_UNREACHABLE');
    await life.clock.advance(50);
    life.backend.hypervisor.lose();
    await failed;
    assert.equal(web!.failure, undefined);
  });

  it('never boots more than the limit at once, and serves those who wait in order', async () => {
    using life = new Life({ limit: 3 });
    life.backend.latency.start = 100;
    const names = Array.from({ length: 10 }, (_, index) => ({ name: `u${index}` }));
    const unikernels = await life.with(...names);
    const order: string[] = [];
    const all = unikernels.map((unikernel) => life.summon(unikernel).then(() => order.push(unikernel.name)));
    let most = 0;
    for (let step = 0; step < 40; step += 1) {
      await life.clock.advance(10);
      most = Math.max(most, life.lifecycle.booting);
    }
    await Promise.all(all);
    assert.equal(most, 3);
    assert.deepEqual(
      order,
      names.map(({ name }) => name),
    );
    assert.equal(life.lifecycle.booting, 0);
  });

  it('refuses at once what the queue cannot hold', async () => {
    using life = new Life({ limit: 1, queue: 1 });
    life.backend.latency.start = 100;
    const [first, second, third] = await life.with({ name: 'a' }, { name: 'b' }, { name: 'c' });
    const served = Promise.all([life.summon(first!), life.summon(second!)]);
    await rejectsWithCode(life.summon(third!), 'JITSU_BOOT_QUEUE_FULL');
    assert.equal(third!.failure, undefined);
    await life.clock.advance(200);
    await served;
  });

  it('holds the place of a start that outlives its deadline, and reaps what it brings up', async () => {
    using life = new Life({ limit: 1 });
    life.backend.latency.start = 60_000;
    const [slow] = await life.with({ name: 'slow' });
    const failed = rejectsWithCode(life.summon(slow!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    await failed;
    assert.equal(life.lifecycle.booting, 1);
    await life.clock.advance(30_000);
    assert.equal(life.lifecycle.booting, 0);
    assert.equal(slow!.state, 'running');
    await life.clock.advance(20_000);
    assert.equal(slow!.state, 'off');
  });

  it('waits for a stop that is under way, and then boots anew', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.latency.stop = 500;
    const stopped = life.stop(web!, 'no query');
    const summon = life.summon(web!);
    await life.clock.advance(500);
    await Promise.all([stopped, summon]);
    assert.equal(web!.state, 'running');
    assert.equal(web!.ready, true);
    assert.deepEqual(life.story().slice(3), ['stopping', 'stopped', 'summoning', 'started', 'ready']);
  });

  it('on closing refuses new summons, and ends those under way when told to', async () => {
    using life = new Life();
    const [a, b] = await life.with({ name: 'a', probes: [new HandProbe()] }, { name: 'b' });
    const failed = rejectsWithCode(life.summon(a!), 'JITSU_SHUTTING_DOWN');
    await life.clock.advance(0);
    const patience = new AbortController();
    const closed = life.close(patience.signal);
    await rejectsWithCode(life.summon(b!), 'JITSU_SHUTTING_DOWN');
    patience.abort();
    await Promise.all([failed, closed]);
  });

  it('fails at the deadline where the backend never says how the machine is, before a boot and after it', async () => {
    using life = new Life();
    const [silent, begun] = await life.with({ name: 'silent' }, { name: 'begun' });
    life.holdNextLook();
    const failed = rejectsWithCode(life.summon(silent!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    await failed;
    assert.deepEqual(life.calls('start'), []);

    const start = life.backend.start.bind(life.backend);
    life.backend.start = async (id) => {
      await start(id);
      life.holdNextLook();
    };
    const alsoFailed = rejectsWithCode(life.summon(begun!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    await alsoFailed;
  });

  it('fails at the deadline where a machine stays on its way, and where looks at it hang meanwhile', async () => {
    for (const hangs of [false, true]) {
      using life = new Life();
      const [web] = await life.with({ name: 'web' });
      life.backend.hypervisor.change(web!.plan.id, 'stopping');
      await life.clock.advance(0);
      const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
      await life.clock.advance(10);
      if (hangs) life.holdNextLook();
      await life.clock.advance(29_990);
      assert.match((await failed).message, /web was not ready within 30 s/);
    }
  });

  it('fails at once when a machine is down again as soon as it was started, though nobody tells of it', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    life.backend.start = async (id) => {
      life.backend.hypervisor.change(id, 'running');
      life.backend.kill(id, 'exited with status 1');
    };
    const failure = await rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DIED');
    assert.match(failure.message, /web went off before its service answered: exited with status 1/);
    assert.equal(web!.failure?.code, 'JITSU_SUMMON_DIED');
  });

  it('gives up a start that has hung for a quarter of an hour, and boots anew for the next query', async () => {
    using life = new Life({ limit: 1 });
    const [web, other] = await life.with({ name: 'web' }, { name: 'other', deadline: 2_000_000 });
    life.backend.latency.start = Infinity;
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    await failed;
    const queued = life.summon(other!);
    await life.clock.advance(869_999);
    assert.deepEqual([life.calls('start'), web!.starting], [['start web'], true]);
    life.backend.latency.start = 0;
    await life.clock.advance(1);
    await queued;
    assert.deepEqual([web!.starting, web!.state], [false, 'unknown']);
    assert.match(web!.detail!, /^fake, the backend of web, does not get done with its start\. Look at it/);
    const again = life.summon(web!, aCommand);
    await life.clock.advance(0);
    await again;
    assert.deepEqual(life.calls('start'), ['start web', 'start other', 'start web']);
    assert.deepEqual([web!.totalStarts, web!.ready], [1, true]);
  });

  it('says at once that a start has hung where somebody waits for it that long', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', deadline: 2_000_000 });
    life.backend.latency.start = Infinity;
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_BACKEND_FAILED');
    await life.clock.advance(900_000);
    assert.match((await failed).message, /does not get done with its start/);
    assert.equal(web!.failure?.count, 1);
  });

  it('fails at once where the machine cannot be described, before a boot, on its way and after a boot', async () => {
    const refuse = (life: Life): void =>
      life.backend.failNext('describe', new JitsuError('JITSU_BACKEND_FAILED', 'no such domain'));
    using life = new Life();
    const [web, way] = await life.with({ name: 'web' }, { name: 'way' });
    refuse(life);
    await rejectsWithCode(life.summon(web!), 'JITSU_BACKEND_FAILED');
    assert.deepEqual(life.calls('start'), []);

    life.backend.hypervisor.change(way!.plan.id, 'stopping');
    await life.clock.advance(0);
    const failed = rejectsWithCode(life.summon(way!), 'JITSU_BACKEND_FAILED');
    await life.clock.advance(10);
    refuse(life);
    await life.clock.advance(9);
    assert.equal(way!.isSummoned, true);
    await life.clock.advance(1);
    await failed;

    using other = new Life();
    Object.assign(other.backend, { watch: undefined });
    const [last] = await other.with({ name: 'last' });
    const start = other.backend.start.bind(other.backend);
    other.backend.start = async (id) => {
      await start(id);
      refuse(other);
    };
    await rejectsWithCode(other.summon(last!), 'JITSU_BACKEND_FAILED');
    assert.equal(last!.totalStarts, 1, 'the start itself has succeeded');
  });

  it('boots a machine that is on its way down, also where its end is told meanwhile', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    for (const state of ['running', 'stopping'] as const) life.backend.hypervisor.change(web!.plan.id, state);
    await life.clock.advance(0);
    const summon = life.summon(web!);
    await life.clock.advance(10);
    assert.deepEqual([life.lifecycle.booting, life.calls('start')], [1, []]);
    life.backend.hypervisor.change(web!.plan.id, 'off');
    await life.clock.advance(10);
    await summon;
    assert.deepEqual([web!.ready, web!.failure, life.calls('start')], [true, undefined, ['start web']]);
  });

  it('waits for a machine that is still starting after its start', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.backend.start = async (id) => life.backend.hypervisor.change(id, 'starting');
    const summon = life.summon(web!);
    await life.clock.advance(500);
    assert.equal(web!.ready, false);
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(20);
    await summon;
    assert.equal(web!.ready, true);
  });

  it('leaves alone for a while one that was running already and whose service does not answer', async () => {
    using life = new Life();
    life.backend.hypervisor.change(life.backend.hypervisor.define('web').id, 'running');
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(10_000);
    // Whoever keeps asking keeps it alive.
    life.ask(web!);
    await life.clock.advance(20_000);
    await failed;
    assert.equal(web!.failure?.count, 1);
    await rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_BACKING_OFF');
    assert.deepEqual(life.calls('start'), []);
  });

  it('does not hold it against a unikernel that its turn to boot did not come', async () => {
    using life = new Life({ limit: 1 });
    life.backend.latency.start = 60_000;
    const [first, second] = await life.with({ name: 'first' }, { name: 'second' });
    const failed = Promise.all([
      rejectsWithCode(life.summon(first!), 'JITSU_SUMMON_DEADLINE'),
      rejectsWithCode(life.summon(second!), 'JITSU_SUMMON_DEADLINE'),
    ]);
    await life.clock.advance(30_000);
    const [begun, queued] = await failed;
    assert.match(begun.message, /Its backend has not got it to run yet \(off\)/);
    assert.match(queued.message, /still waiting for its turn to boot/);
    assert.deepEqual([first!.failure?.count, second!.failure], [1, undefined]);
  });

  it('does not count a start that fails', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.backend.failNext('start', new JitsuError('JITSU_BACKEND_FAILED', 'no memory left'));
    await rejectsWithCode(life.summon(web!), 'JITSU_BACKEND_FAILED');
    assert.deepEqual([web!.totalStarts, web!.startedAt], [0, undefined]);
    assert.deepEqual(life.story(), ['summoning', 'failed']);
  });

  it('tells the number of a machine only while it runs', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const { domainId } = web!;
    assert.equal(life.events.at(-1)?.domainId, domainId);
    life.backend.kill(web!.plan.id);
    await life.clock.advance(0);
    assert.equal(web!.domainId, undefined);
    assert.ok(!('domainId' in life.events.at(-1)!));
    await life.summon(web!);
    assert.notEqual(web!.domainId, domainId);
  });

  it('on closing ends at once what is under way when nobody has patience any more', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SHUTTING_DOWN');
    await life.close(AbortSignal.abort());
    await failed;
    assert.equal(web!.failure, undefined);
  });
});
