import assert from 'node:assert/strict';
import type { Backend } from '#core/contracts/backend.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { aCommand, HandProbe, Life } from '../../support/life.js';

describe('the power follower', () => {
  it('adopts what runs at start, with a whole fresh period of grace', async () => {
    using life = new Life();
    const machine = life.backend.hypervisor.define('web');
    life.backend.hypervisor.change(machine.id, 'running');
    const [web] = await life.with({ name: 'web' });
    assert.deepEqual(life.story(), ['adopted']);
    await life.clock.advance(19_999);
    assert.equal(web!.state, 'running');
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
    assert.equal(machine.starts, 1, 'the one start was not ours');
    assert.equal(web!.totalStarts, 0);
  });

  it('asks an adopted one whether its service answers before it promises that', async () => {
    using life = new Life();
    life.backend.hypervisor.change(life.backend.hypervisor.define('web').id, 'running');
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', probes: [probe] });
    assert.equal(web!.ready, false);
    const summon = life.summon(web!);
    await life.clock.advance(1);
    assert.equal(probe.asked, 1);
    probe.answer();
    await summon;
    assert.equal(web!.totalStarts, 0);
  });

  it('notices one that dies, takes its answers back at once, and the next query boots it', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.kill(web!.plan.id, 'killed by SIGSEGV');
    assert.equal(web!.ready, false, 'in the same turn');
    await life.clock.advance(0);
    assert.deepEqual(life.story().slice(-1), ['died']);
    assert.equal(life.events.at(-1)?.reason, 'killed by SIGSEGV');
    await life.summon(web!);
    assert.equal(web!.totalStarts, 2);
  });

  it('does not fail the query that comes in the very moment in which one dies: it boots it', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.kill(web!.plan.id, 'killed by SIGSEGV');
    await life.summon(web!);
    assert.deepEqual([web!.state, web!.ready, web!.totalStarts], ['running', true, 2]);
  });

  it('adopts one that somebody else starts, and counts that start', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.clock.advance(100_000);
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    assert.deepEqual(life.story(), ['adopted']);
    assert.equal(life.stopAt(web!), life.clock.now() + 20_000);
    assert.equal(web!.totalStarts, 1);
    assert.equal(web!.startedAt, life.clock.now());
  });

  it('calls unknown, never off, what a lost backend had, and gives fresh grace when it is back', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.hypervisor.lose();
    await life.clock.advance(100_000);
    assert.equal(web!.state, 'unknown');
    assert.equal(web!.ready, false);
    life.backend.hypervisor.restore();
    await life.clock.advance(19_999);
    assert.equal(web!.state, 'running');
    assert.deepEqual(life.story().slice(-2), ['lost', 'returned']);
    assert.equal(web!.totalStarts, 1);
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
  });

  it('is not misled by news that is older than what we have done since', async () => {
    using life = new Life();
    let tell: Parameters<NonNullable<Backend['watch']>>[0] = () => undefined;
    life.backend.watch = (listener) => {
      tell = listener;
      return { [Symbol.dispose]: () => undefined };
    };
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    tell({ id: web!.plan.id, state: 'off' });
    assert.equal(web!.ready, false, 'as long as nobody has looked');
    await life.clock.advance(0);
    assert.equal(web!.state, 'running');
    assert.ok(!life.story().includes('died'));
  });

  it('is not misled by an answer that was given before what we have learnt since', async () => {
    using life = new Life();
    const probe = new HandProbe();
    const [web] = await life.with({ name: 'web', probes: [probe] });
    const { backend } = life;
    const { id } = web!.plan;
    const early = await backend.describe(id);
    const describe = backend.describe.bind(backend);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    // What the follower asks first is answered last.
    backend.describe = async () => {
      backend.describe = describe;
      await held;
      return early;
    };
    backend.hypervisor.change(id, 'running');
    const summon = life.summon(web!);
    await life.clock.advance(1);
    assert.equal(web!.state, 'running');
    release();
    await life.clock.advance(1);
    probe.answer();
    await summon;
    assert.equal(web!.state, 'running');
    assert.ok(!life.story().includes('died'));
  });

  it('asks a backend that cannot be watched about those alone that may be up, however many there are', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const plans = Array.from({ length: 1_000 }, (_, index) => ({ name: `n${index}` }));
    const unikernels = await life.with(...plans);
    await life.summon(unikernels[7]!);
    const asked: string[] = [];
    const describe_ = life.backend.describe.bind(life.backend);
    life.backend.describe = (id) => {
      asked.push(id);
      return describe_(id);
    };
    await life.clock.advance(3_000);
    assert.deepEqual([...new Set(asked)], [unikernels[7]!.plan.id]);
    assert.equal(asked.length, 3);
  });

  it('notices that a machine has died whose service is waited for, on a backend that cannot be watched', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const summon = life.summon(web!);
    const failed = assert.rejects(summon, { code: 'JITSU_SUMMON_DIED' });
    await life.clock.advance(10);
    life.backend.kill(web!.plan.id);
    await life.clock.advance(2_000);
    await failed;
  });

  it('polls a backend that cannot be watched', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.kill(web!.plan.id);
    await life.clock.advance(1_000);
    assert.equal(web!.state, 'off');
    assert.equal(life.story().at(-1), 'died');
  });

  it('looks again when something changes while it looks', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    const held = life.holdNextLook();
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    assert.equal(held.asked, true);
    // The first answer is in its way already, and says running; of the second change nobody has learnt yet.
    life.backend.hypervisor.change(web!.plan.id, 'paused');
    const looks = life.calls('describe').length;
    held.release();
    await life.clock.advance(0);
    assert.equal(web!.state, 'paused');
    assert.equal(life.calls('describe').length, looks + 1, 'once more, however many changes there were');
  });

  it('does not end a summon that has not looked itself yet when a death is told that was before it', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.kill(web!.plan.id, 'killed by SIGSEGV');
    // The look of the summon hangs, so that the follower learns first.
    const held = life.holdNextLook();
    const summon = life.summon(web!);
    await life.clock.advance(5);
    held.release();
    await life.clock.advance(5);
    await summon;
    assert.deepEqual([web!.state, web!.ready, web!.totalStarts], ['running', true, 2]);
    assert.ok(!life.story().includes('failed'));
  });

  for (const between of ['stopping', 'paused'] as const) {
    it(`tells the death of one that is seen ${between} before as that of any other, also to who waits for it`, async () => {
      using life = new Life();
      const probe = new HandProbe();
      const [web] = await life.with({ name: 'web', probes: [probe] });
      const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DIED');
      const goDown = async (): Promise<void> => {
        life.backend.hypervisor.change(web!.plan.id, between);
        await life.clock.advance(0);
        life.backend.kill(web!.plan.id, 'it crashed');
        await life.clock.advance(0);
      };
      await life.clock.advance(0);
      await goDown();
      assert.match((await failed).message, /^web went off before its service answered: it crashed/);
      probe.answer();
      await life.summon(web!, aCommand);
      await goDown();
      assert.deepEqual([web!.state, web!.phase], ['off', 'down']);
      const { kind, reason } = life.events.at(-1)!;
      assert.deepEqual([kind, reason], ['died', 'it crashed']);
    });
  }

  it('counts no start where a machine that was stopping runs again', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const { startedAt } = web!;
    life.backend.hypervisor.change(web!.plan.id, 'stopping');
    await life.clock.advance(5_000);
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    assert.deepEqual([web!.state, web!.totalStarts, web!.startedAt], ['running', 1, startedAt]);
    assert.equal(life.story().at(-1), 'adopted');
    assert.equal(life.stopAt(web!), life.clock.now() + 20_000, 'a whole fresh period of grace');
  });

  it('tells of one that somebody else suspends that it is stopped, with the reason that is known', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.hypervisor.change(web!.plan.id, 'suspended', 'saved by root');
    await life.clock.advance(0);
    const { kind, reason, cause } = life.events.at(-1)!;
    assert.deepEqual([kind, reason, cause], ['stopped', 'saved by root', undefined]);
  });

  it('looks no more once it has ended, not even for a change that came while it looked', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    const held = life.holdNextLook();
    for (const state of ['running', 'paused'] as const) life.backend.hypervisor.change(web!.plan.id, state);
    await life.clock.advance(0);
    const looks = life.calls('describe').length;
    life.lifecycle[Symbol.dispose]();
    held.release();
    await life.clock.advance(0);
    assert.equal(life.calls('describe').length, looks);
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    assert.equal(life.calls('describe').length, looks);
  });

  it('follows only when it has looked at each', async () => {
    using life = new Life();
    const held = life.holdNextLook();
    let follows = false;
    const following = life.with({ name: 'web' }).then(([web]) => ((follows = true), web));
    await life.clock.advance(0);
    assert.equal(follows, false);
    held.release();
    assert.equal((await following)?.state, 'off');
  });

  it('takes no notice of a machine that is not ours, and leaves answers alone where one is said to run', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const lease = life.lease(web!);
    life.backend.tell({ id: 'of-another', state: 'off' });
    life.backend.tell({ id: web!.plan.id, state: 'paused' });
    assert.equal(lease.holds, false);
    await life.clock.advance(0);
    await life.summon(web!);
    const again = life.lease(web!);
    life.backend.tell({ id: web!.plan.id, state: 'running' });
    assert.equal(again.holds, true);
  });

  it('polls what was paused before it began to follow, and not what is asleep', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const { hypervisor } = life.backend;
    for (const [name, state] of Object.entries({ paused: 'paused', asleep: 'suspended' } as const))
      hypervisor.change(hypervisor.define(name).id, state);
    const [paused] = await life.with({ name: 'paused' }, { name: 'asleep' });
    await life.clock.advance(3_000);
    assert.deepEqual(life.calls('describe'), [
      ...['describe paused', 'describe asleep'],
      ...Array.from({ length: 3 }, () => 'describe paused'),
    ]);
    hypervisor.change(paused!.plan.id, 'off');
    await life.clock.advance(1_000);
    assert.equal(paused!.state, 'off');
  });

  it('keeps the MAC addresses of a machine until its backend says others', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const { macs, domainId } = web!;
    assert.ok(macs.length > 0);
    assert.deepEqual(life.events.at(-1)?.macs, macs);
    const describe = life.backend.describe.bind(life.backend);
    life.backend.describe = async (id) => {
      const { state } = await describe(id);
      return { state };
    };
    life.backend.hypervisor.change(web!.plan.id, 'paused');
    await life.clock.advance(0);
    assert.deepEqual([web!.state, web!.macs, web!.domainId], ['paused', macs, domainId]);
    life.backend.describe = async () => ({ state: 'running', macs: ['00:16:3e:00:00:09'] });
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    assert.deepEqual(web!.macs, ['00:16:3e:00:00:09']);
  });

  it('lets others have a turn now and then while it looks at many', async () => {
    using life = new Life();
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await life.with(...Array.from({ length: 2_500 }, (_, index) => ({ name: `u${index}` })));
    isOver = true;
    assert.ok(turns >= 2 && turns < 20, `${turns} turns`);
  });

  it('calls a machine unknown whose backend does not describe it, and follows the others', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web', stopPolicies: [] }, { name: 'db' });
    await life.summon(web!);
    const describe = life.backend.describe.bind(life.backend);
    life.backend.describe = (id) => (id === web!.plan.id ? new Promise(() => undefined) : describe(id));
    life.backend.tell({ id: web!.plan.id, state: 'paused' });
    life.backend.hypervisor.change(db!.plan.id, 'running');
    await life.clock.advance(60_000);
    assert.deepEqual([web!.state, db!.state], ['unknown', 'off'], 'and db was reaped meanwhile');
    assert.match(web!.detail!, /has not said within 60 s how web is/);
    assert.deepEqual(life.story('web').at(-1), 'lost');
  });

  it('learns nothing any more once it has ended', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    const held = life.holdNextLook();
    life.backend.hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    life.lifecycle[Symbol.dispose]();
    held.release();
    await life.clock.advance(0);
    assert.deepEqual([web!.state, life.story()], ['off', []]);
    life.backend.hypervisor.change(web!.plan.id, 'paused');
    await life.clock.advance(10_000);
    assert.deepEqual([web!.state, life.story()], ['off', []]);
  });

  it('polls no more once it has ended, not even after a poll that was under way', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const held = life.holdNextLook();
    await life.clock.advance(1_000);
    assert.equal(held.asked, true);
    life.lifecycle[Symbol.dispose]();
    const looks = life.calls('describe').length;
    held.release();
    await life.clock.advance(10_000);
    assert.equal(life.calls('describe').length, looks);
    assert.equal(life.clock.pending, 0);
  });
});
