import assert from 'node:assert/strict';
import type { ReadinessProbe, ReadinessTarget } from '#core/contracts/readiness-probe.js';
import { JitsuError } from '#core/errors.js';
import type { Unikernel, UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { HandProbe, Life } from '../../support/life.js';

const BEFORE = { changed: 'command and ip', addresses: ['192.0.2.99'] };

/** A probe that answers at one address alone, and notes at which it was asked. */
class AddressProbe implements ReadinessProbe {
  readonly asked: string[] = [];

  constructor(private readonly answers: string) {}

  async untilReady({ addresses }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    this.asked.push(...addresses);
    if (addresses.includes(this.answers)) return;
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }
}

/** A unikernel whose machine runs, or is in another state, by an earlier definition when Jitsu starts. */
async function outdated(
  life: Life,
  plan: Partial<UnikernelPlan> = {},
  state: 'running' | 'suspended' | 'paused' = 'running',
): Promise<Unikernel> {
  const { hypervisor } = life.backend;
  const { id } = hypervisor.define('web');
  hypervisor.change(id, 'running');
  hypervisor.change(id, state);
  Object.assign(hypervisor.machines.get(id)!, { outdated: BEFORE });
  const [web] = await life.with({ name: 'web', ...plan });
  return web!;
}

describe('a machine that runs by an earlier definition', () => {
  it('is told, and shown, with the addresses that it has', async () => {
    using life = new Life();
    const web = await outdated(life);
    assert.deepEqual(life.story(), ['outdated', 'adopted']);
    assert.equal(life.events[0]!.reason, 'its command and ip changed');
    assert.deepEqual(web.addresses, ['192.0.2.99']);
    const { outdated: shown, addresses } = life.lifecycle.status(web);
    assert.deepEqual([shown, addresses], ['command and ip', ['192.0.2.99']]);
  });

  it('is asked at the addresses that it has, and at no others, and used while it is used', async () => {
    using life = new Life();
    const probe = new AddressProbe('192.0.2.99');
    const web = await outdated(life, { probes: [probe] });
    await life.summon(web);
    assert.deepEqual([web.ready, probe.asked], [true, ['192.0.2.99']]);
    const lease = life.lease(web);
    await life.clock.advance(15_000);
    life.ask(web);
    await life.clock.advance(19_999);
    assert.deepEqual([web.state, lease.holds], ['running', true]);
  });

  it('is stopped when it is not used, and the next start has the present addresses', async () => {
    using life = new Life();
    const probe = new AddressProbe('192.0.2.1');
    const web = await outdated(life, { probes: [probe] });
    await life.clock.advance(20_000);
    assert.deepEqual([web.state, web.addresses, web.outdated], ['off', ['192.0.2.1'], undefined]);
    await life.summon(web);
    assert.deepEqual([web.ready, probe.asked], [true, ['192.0.2.1']]);
    assert.equal(life.lifecycle.status(web).outdated, undefined);
  });

  it('is not kept in memory by that stop', async () => {
    using life = new Life();
    const web = await outdated(life, { stopMode: 'suspend', endingMode: 'shutdown' });
    await life.clock.advance(20_000);
    assert.deepEqual([web.state, life.calls('stop')], ['off', ['stop web shutdown']]);
    await life.summon(web);
    await life.clock.advance(20_000);
    assert.deepEqual([web.state, life.calls('stop').at(-1)], ['suspended', 'stop web suspend']);
  });

  for (const state of ['suspended', 'paused'] as const) {
    it(`is started anew when it is woken and was ${state}`, async () => {
      using life = new Life();
      const web = await outdated(life, { stopMode: 'suspend', endingMode: 'destroy' }, state);
      await life.summon(web);
      assert.deepEqual(life.calls('st'), ['stop web destroy', 'start web']);
      assert.deepEqual([web.ready, web.addresses], [true, ['192.0.2.1']]);
    });
  }

  it('is stopped and started anew by the summon that waits where its service does not answer', async () => {
    using life = new Life();
    const probe = new AddressProbe('192.0.2.1');
    const web = await outdated(life, { probes: [probe] });
    const ready = life.summon(web);
    await life.clock.advance(4_999);
    assert.deepEqual([web.state, life.calls('st')], ['running', []]);
    await life.clock.advance(1);
    await ready;
    assert.deepEqual(life.calls('st'), ['stop web destroy', 'start web']);
    assert.deepEqual(probe.asked, ['192.0.2.99', '192.0.2.1']);
    assert.deepEqual([web.ready, web.totalStarts], [true, 1]);
  });

  it('is waited for no longer than half of a deadline', async () => {
    using life = new Life();
    const web = await outdated(life, { probes: [new AddressProbe('192.0.2.1')], deadline: 2_000 });
    const ready = life.summon(web);
    await life.clock.advance(1_000);
    await ready;
    assert.deepEqual(life.calls('st'), ['stop web destroy', 'start web']);
  });

  it('does not keep a summon from its end where it cannot be stopped, and is tried once by each', async () => {
    using life = new Life();
    const web = await outdated(life, { probes: [new HandProbe()] });
    const failure = new JitsuError('JITSU_BACKEND_FAILED', 'it is being migrated');
    life.backend.failNext('stop', failure);
    const failed = rejectsWithCode(life.summon(web), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(30_000);
    await failed;
    assert.deepEqual(life.calls('stop'), ['stop web destroy']);
    assert.deepEqual([web.state, web.addresses], ['running', ['192.0.2.99']]);
  });

  it('gives its place among the boots to others while it is stopped', async () => {
    using life = new Life({ limit: 1 });
    const { hypervisor } = life.backend;
    const web = await outdated(life, { probes: [new HandProbe()] });
    hypervisor.change(web.plan.id, 'starting');
    await life.clock.advance(0);
    void life.summon(web).catch(() => undefined);
    await life.clock.advance(40);
    hypervisor.change(web.plan.id, 'running');
    Object.assign(hypervisor.machines.get(web.plan.id)!, { outdated: BEFORE });
    life.backend.latency.stop = 10_000;
    await life.clock.advance(5_100);
    assert.equal(life.lifecycle.booting, 0);
  });

  describe('and is to be replaced at once', () => {
    it('is stopped in its mode and started anew, however much it is used', async () => {
      using life = new Life();
      const web = await outdated(life, {
        replace: 'now',
        stopMode: 'shutdown',
        probes: [new AddressProbe('192.0.2.1')],
      });
      await life.clock.advance(10);
      assert.deepEqual(life.calls('st'), ['stop web shutdown', 'start web']);
      assert.deepEqual([web.ready, web.addresses], [true, ['192.0.2.1']]);
      assert.deepEqual(life.story(), ['outdated', 'adopted', 'stopping', 'stopped', 'summoning', 'started', 'ready']);
      assert.deepEqual(life.events.at(-1)!.cause, { kind: 'replacement' });
    });

    it('is stopped first by a query that comes before', async () => {
      using life = new Life();
      const web = await outdated(life, { replace: 'now' });
      const { hypervisor } = life.backend;
      await life.clock.advance(10);
      hypervisor.change(web.plan.id, 'off');
      hypervisor.change(web.plan.id, 'running');
      Object.assign(hypervisor.machines.get(web.plan.id)!, { outdated: BEFORE });
      await life.summon(web);
      await life.clock.advance(10);
      assert.deepEqual([web.ready, web.outdated, web.addresses], [true, undefined, ['192.0.2.1']]);
    });

    it('is tried again later where it cannot be stopped', async () => {
      using life = new Life();
      const { backend } = life;
      backend.failNext('stop', new JitsuError('JITSU_BACKEND_FAILED', 'it is being migrated'));
      const web = await outdated(life, { replace: 'now' });
      await life.clock.advance(10);
      assert.deepEqual([web.state, life.story().at(-1)], ['running', 'stop-failed']);
      await life.clock.advance(10_000);
      assert.deepEqual([web.ready, web.addresses], [true, ['192.0.2.1']]);
    });
  });

  it('takes back answers when its backend says so only later', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const lease = life.lease(web!);
    Object.assign(life.backend.hypervisor.machines.get(web!.plan.id)!, { outdated: BEFORE });
    life.backend.tell({ id: web!.plan.id, state: 'off' });
    life.backend.tell({ id: web!.plan.id, state: 'running' });
    await life.clock.advance(10);
    assert.deepEqual([lease.holds, web!.addresses], [false, ['192.0.2.99']]);
  });

  it('remains so while its backend cannot be asked', async () => {
    using life = new Life();
    const web = await outdated(life);
    life.backend.hypervisor.lose();
    await life.clock.advance(10);
    assert.deepEqual([web.state, web.outdated, web.addresses], ['unknown', 'command and ip', ['192.0.2.99']]);
  });
});
