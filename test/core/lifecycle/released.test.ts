import assert from 'node:assert/strict';
import { errorCode } from '#core/errors.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { Life } from '../../support/life.js';
import { MemoryDoorman } from '../../support/memory-doorman.js';

const nobody = (): Unikernel => assert.fail('nobody is related');

describe('a unikernel that is released', () => {
  it('runs on when its policies would stop it, and answers no more', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const lease = life.lease(web!);
    await life.lifecycle.release(web!);
    assert.equal(lease?.holds, false);
    await life.clock.advance(3_600_000);
    assert.equal(life.backend.hypervisor.machines.get(web!.plan.id)?.state, 'running');
    assert.equal(life.events.at(-1)?.kind, 'removed');
    await rejectsWithCode(life.summon(web!), 'JITSU_UNIKERNEL_REMOVED');
    await rejectsWithCode(life.stop(web!), 'JITSU_UNIKERNEL_REMOVED');
    assert.equal(life.backend.hypervisor.machines.get(web!.plan.id)?.state, 'running');
  });

  it('lets those go who wait for it, and nothing that happens to its machine is told any more', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    const failure = life.summon(web!).catch(errorCode);
    await life.lifecycle.release(web!);
    assert.equal(await failure, 'JITSU_UNIKERNEL_REMOVED');
    await life.clock.advance(1_000);
    const told = life.events.length;
    const { hypervisor } = life.backend;
    for (const state of ['running', 'off', 'running'] as const) {
      hypervisor.change(web!.plan.id, state);
      await life.clock.advance(10_000);
    }
    assert.equal(life.events.length, told);
    assert.equal(hypervisor.machines.get(web!.plan.id)?.state, 'running');
  });

  it('is not stopped by a stop that still waits for its doorman', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman] });
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    await life.clock.advance(0);
    const stopped = life.stop(web!).catch(errorCode);
    await life.lifecycle.release(web!);
    await life.clock.advance(1_000);
    assert.equal(await stopped, 'JITSU_UNIKERNEL_REMOVED');
    assert.equal(life.backend.hypervisor.machines.get(web!.plan.id)?.state, 'running');
    assert.equal(life.lifecycle.isHeld(web!), false);
  });
});

describe('a unikernel whose plan changes', () => {
  it('goes by its new policies at once, and keeps the counters of the names that stay', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.ask(web!);
    const stop = { opinionOn: () => ({ stop: 'so it is' }) };
    life.lifecycle.change(web!, { ...web!.plan, names: ['web.test', 'new.test'], stopPolicies: [stop] }, nobody);
    await life.clock.advance(10);
    assert.equal(life.backend.hypervisor.machines.get(web!.plan.id)?.state, 'off');
    assert.equal(web!.counters.get('web.test')?.requests, 1);
    assert.equal(web!.counters.get('new.test')?.requests, 0);
    assert.ok(life.events.some(({ kind }) => kind === 'changed'));
  });

  it('is ready only once what it needs from now on is ready', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web' }, { name: 'db' });
    await life.summon(web!);
    life.lifecycle.change(web!, { ...web!.plan, needs: ['db'] }, () => db!);
    assert.equal(web!.ready, false);
    await life.summon(web!);
    assert.deepEqual([web!.ready, db!.ready], [true, true]);
    life.lifecycle.change(web!, { ...web!.plan, needs: undefined }, nobody);
    await life.stop(db!);
    assert.equal(web!.ready, true);
  });
});
