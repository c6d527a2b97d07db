import assert from 'node:assert/strict';
import type { ReadinessProbe, ReadinessTarget } from '#core/contracts/readiness-probe.js';
import { KeepAliveStopPolicy } from '#core/builtins/keep-alive-stop-policy.js';
import { BackOff } from '#core/plugin-kit/back-off.js';
import { ServiceWatch } from '#core/lifecycle/service-watch.js';
import type { UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { HandProbe, Life } from '../../support/life.js';

/** A service that the test opens and closes; each question is counted. */
class Service implements ReadinessProbe {
  open = true;
  asked = 0;
  readonly #waiting = new Set<() => void>();

  untilReady({ report }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    this.asked += 1;
    if (this.open) return Promise.resolve();
    report?.('its door is closed');
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  reopen(): void {
    this.open = true;
    for (const resolve of this.#waiting) resolve();
  }
}

const forever = new KeepAliveStopPolicy();

describe('the watch over services that are ready', () => {
  let life: Life;
  let service: Service;

  beforeEach(() => {
    life = new Life();
    service = new Service();
  });

  afterEach(() => life[Symbol.dispose]());

  const aReady = async (plan: Partial<UnikernelPlan> = {}) => {
    const own = { probes: [service], watch: 10_000, stopPolicies: [], ...plan };
    const [web] = await life.with({ name: 'web', ...own });
    await life.summon(web!);
    service.asked = 0;
    return web!;
  };

  it('looks again after the interval where it was used meanwhile, and at each further one', async () => {
    const web = await aReady();
    life.ask(web);
    await life.clock.advance(9_999);
    assert.equal(service.asked, 0);
    await life.clock.advance(1);
    assert.equal(service.asked, 1);
    await life.clock.advance(3_000);
    life.ask(web);
    life.ask(web);
    await life.clock.advance(6_999);
    assert.equal(service.asked, 1);
    await life.clock.advance(1);
    assert.deepEqual([service.asked, web.ready], [2, true]);
    assert.deepEqual(life.story(), ['summoning', 'started', 'ready'], 'a look that succeeds is no news');
  });

  it('looks at nothing that nobody uses, and leaves no timer behind', async () => {
    const web = await aReady();
    await life.clock.advance(10_000);
    assert.deepEqual([service.asked, web.ready, life.clock.pending], [0, true, 0]);
    await life.clock.advance(3_600_000);
    assert.deepEqual([service.asked, life.clock.pending], [0, 0]);
  });

  it('looks at once when it is used after a quiet time, once for all uses of the interval', async () => {
    const web = await aReady();
    await life.clock.advance(60_000);
    life.ask(web);
    assert.equal(service.asked, 1);
    life.ask(web);
    await life.clock.advance(9_999);
    assert.equal(service.asked, 1);
    await life.clock.advance(1);
    assert.equal(service.asked, 2);
  });

  it('looks at none without `watch`', async () => {
    const web = await aReady({ watch: undefined });
    service.open = false;
    for (let minute = 0; minute < 10; minute += 1) {
      life.ask(web);
      await life.clock.advance(60_000);
    }
    assert.deepEqual([service.asked, web.ready, life.clock.pending], [0, true, 0]);
  });

  it('takes back the answers before each look, so that none is repeated without one for longer', async () => {
    const web = await aReady();
    const lease = life.lease(web);
    await life.clock.advance(9_999);
    assert.equal(lease.holds, true);
    await life.clock.advance(1);
    assert.deepEqual([lease.holds, web.ready, service.asked], [false, true, 0]);
    assert.equal(life.lease(web).holds, true, 'the next query gets one at once');
  });

  it('counts the uses that are told when the answers are taken back', async () => {
    const web = await aReady();
    const lease = life.lease(web);
    lease.onEnd(() => lease.used?.(3));
    await life.clock.advance(10_000);
    assert.equal(service.asked, 1);
  });

  it('gives no answers any more once a look has failed, says why, and has the next query wait', async () => {
    const web = await aReady();
    const states: boolean[] = [];
    life.ask(web);
    service.open = false;
    await life.clock.advance(10_000);
    const lease = life.lease(web);
    life.onEvent = () => states.push(lease.holds);
    await life.clock.advance(4_999);
    assert.deepEqual([web.ready, lease.holds], [true, true], 'the service has 5 s');
    await life.clock.advance(1);
    assert.deepEqual([web.ready, web.phase, web.state], [false, 'failing', 'running']);
    const { kind, code, reason } = life.events.at(-1)!;
    assert.deepEqual([kind, code, states], ['unready', 'JITSU_SERVICE_UNREADY', [false]], 'the answers went first');
    assert.match(reason!, /^web runs, and is not ready any more: its door is closed\. /);
    assert.deepEqual(life.lifecycle.status(web).failure?.reason, reason);

    let answered = false;
    const summoned = life.summon(web).then(() => (answered = true));
    await life.clock.advance(3_000);
    assert.equal(answered, false);
    service.reopen();
    await summoned;
    assert.deepEqual([web.ready, web.failure, life.calls('start')], [true, undefined, ['start web']]);
    assert.deepEqual(life.story().slice(3), ['unready', 'summoning', 'ready']);
  });

  it('gives a short interval no longer looks than itself', async () => {
    const web = await aReady({ watch: 1_000 });
    life.ask(web);
    service.open = false;
    await life.clock.advance(1_999);
    assert.equal(web.ready, true);
    await life.clock.advance(1);
    assert.equal(web.ready, false);
  });

  it('takes an error of a probe for its own reason', async () => {
    const web = await aReady();
    life.ask(web);
    service.untilReady = () => Promise.reject(new Error('the probe is broken'));
    await life.clock.advance(10_000);
    assert.deepEqual([web.ready, life.events.at(-1)?.reason], [false, 'the probe is broken']);
  });

  it('ends a look when its unikernel is stopped, and does not take its outcome for one of the next run', async () => {
    const web = await aReady();
    life.ask(web);
    service.open = false;
    await life.clock.advance(12_000);
    await life.stop(web);
    assert.equal(life.clock.pending, 0);
    service.open = true;
    await life.summon(web);
    await life.clock.advance(5_000);
    assert.equal(web.ready, true);
    assert.ok(!life.story().includes('unready'));
  });

  it('forgets what it has found when the machine ends', async () => {
    const web = await aReady();
    life.ask(web);
    service.open = false;
    await life.clock.advance(15_000);
    assert.equal(web.phase, 'failing');
    await life.stop(web);
    assert.deepEqual([web.phase, web.failure], ['down', undefined]);
  });

  it('restarts what nothing reaches for the whole deadline of a summon', async () => {
    const web = await aReady({ deadline: 30_000 });
    life.ask(web);
    service.open = false;
    await life.clock.advance(15_000);
    const late = rejectsWithCode(life.summon(web), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(29_999);
    assert.equal(web.state, 'running');
    await life.clock.advance(1);
    await late;
    assert.deepEqual(
      [web.state, life.story().slice(3)],
      ['off', ['unready', 'summoning', 'failed', 'stopping', 'stopped']],
    );
    assert.match(life.events.at(-1)?.reason ?? '', /stopped answering, and did not answer within its deadline/);
    service.open = true;
    await rejectsWithCode(life.summon(web), 'JITSU_SUMMON_BACKING_OFF');
    await life.clock.advance(1_000);
    await life.summon(web);
    assert.deepEqual([web.ready, life.calls('start').length], [true, 2]);
  });

  it('restarts the same one again only after a pause that doubles', async () => {
    const web = await aReady({ deadline: 1_000, watch: 1_000 });
    const restarts = (): number => life.calls('stop').length;
    const pauses: number[] = [];
    let last = life.clock.now();
    // A service that answers whenever it has just been started, and never again.
    for (let time = 0; time < 400_000; time += 250) {
      const before = restarts();
      life.ask(web);
      const starts = life.calls('start').length;
      service.open = web.state !== 'running';
      life.summon(web).catch(() => undefined);
      await life.clock.advance(0);
      if (life.calls('start').length > starts) service.reopen();
      await life.clock.advance(250);
      if (restarts() === before) continue;
      pauses.push(life.clock.now() - last);
      last = life.clock.now();
    }
    assert.ok(pauses.length >= 5, `restarted ${pauses.length} times`);
    assert.ok(pauses[4]! >= 8_000 && pauses.at(-1)! >= 32_000, `pauses of ${pauses.join(', ')} ms`);
  });

  it('restarts none that comes back as it is, or that was never seen ready', async () => {
    const web = await aReady({ stopMode: 'suspend', deadline: 5_000 });
    life.ask(web);
    service.open = false;
    await life.clock.advance(15_000);
    const late = rejectsWithCode(life.summon(web), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(5_000);
    await late;
    assert.deepEqual([web.state, life.calls('stop')], ['running', []]);

    using other = new Life();
    const deaf = new HandProbe();
    const [slow] = await other.with({ name: 'slow', probes: [deaf], watch: 1_000, stopPolicies: [], deadline: 5_000 });
    other.backend.hypervisor.change(slow!.plan.id, 'running');
    await other.clock.advance(0);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const failed = rejectsWithCode(other.summon(slow!), 'JITSU_SUMMON_DEADLINE');
      await other.clock.advance(10_000);
      await failed;
    }
    assert.deepEqual([slow!.state, other.calls('stop')], ['running', []], 'it may still be on its way up');
  });

  it('does not restart a new run for what was found of the one before', async () => {
    const web = await aReady({ deadline: 5_000 });
    life.ask(web);
    service.open = false;
    await life.clock.advance(15_000);
    const { id } = web.plan;
    life.backend.hypervisor.change(id, 'paused');
    await life.clock.advance(0);
    life.backend.hypervisor.change(id, 'running');
    await life.clock.advance(0);
    const late = rejectsWithCode(life.summon(web), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(5_000);
    await late;
    assert.deepEqual([web.state, life.calls('stop')], ['running', []]);
  });

  it('stays with one that its policies keep by a late use', async () => {
    const web = await aReady({ stopPolicies: [new HalfMinute()], watch: 20_000 });
    const lease = life.lease(web);
    lease.onEnd(() => lease.used?.(1));
    await life.clock.advance(20_000);
    const next = life.lease(web);
    next.onEnd(() => next.used?.(1));
    await life.clock.advance(10_000);
    assert.equal(web.ready, true, 'withdrawn, and kept');
    service.open = false;
    life.ask(web);
    await life.clock.advance(15_000);
    assert.equal(web.ready, false);
  });

  it('looks at 64 at once, and at the others when these are done', async () => {
    const plans = Array.from({ length: 100 }, (_, index) => ({
      ...{ name: `web${index}`, probes: [service], watch: 10_000, stopPolicies: [forever] },
    }));
    const all = await life.with(...plans);
    await Promise.all([...all.map((each) => life.summon(each)), life.clock.advance(0)]);
    service.asked = 0;
    service.open = false;
    for (const each of all) life.ask(each);
    await life.clock.advance(10_000);
    assert.equal(service.asked, 64);
    service.reopen();
    await life.clock.advance(0);
    assert.deepEqual([service.asked, all.filter(({ ready }) => ready).length], [100, 100]);
  });

  it('looks no more once Jitsu ends', async () => {
    const web = await aReady();
    life.ask(web);
    await life.close(AbortSignal.abort());
    await life.clock.advance(60_000);
    assert.deepEqual([service.asked, life.clock.pending], [0, 0]);
    const watch = new ServiceWatch(
      { on: () => assert.fail(), unready: () => assert.fail() },
      new BackOff(1, 1),
      new ManualClock(),
    );
    watch[Symbol.dispose]();
    watch.ready(web);
    watch.used(web);
    assert.equal(service.asked, 0);
  });
});

/** Keeps for 30 s from the last use on. */
class HalfMinute {
  opinionOn({ names }: { names: readonly { lastAsked: number }[] }, now: number) {
    const until = Math.max(...names.map(({ lastAsked }) => lastAsked)) + 30_000;
    return until > now ? { keepUntil: until } : { stop: 'half a minute' };
  }
}
