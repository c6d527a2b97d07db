import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ConnectionsStopPolicy } from '#core/builtins/connections-stop-policy.js';
import { MaxLifetimeStopPolicy } from '#core/builtins/max-lifetime-stop-policy.js';
import { TrafficStopPolicy } from '#core/builtins/traffic-stop-policy.js';
import { TtlStopPolicy } from '#core/builtins/ttl-stop-policy.js';
import { JitsuError } from '#core/errors.js';
import { mayUseOthers } from '#core/lifecycle/needs.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { Life } from '../../support/life.js';
import { MemoryActivitySource } from '../../support/memory-activity-source.js';

const group = 'shop';

describe('a group', () => {
  it('is woken with the first that is asked for, whose answer waits for no other', async () => {
    using life = new Life();
    const [web, api, alone] = await life.with({ name: 'web', group }, { name: 'api', group }, { name: 'alone' });
    const start = life.backend.start.bind(life.backend);
    life.backend.start = async (id) => {
      if (id === api!.plan.id) await life.clock.sleep(5_000);
      return start(id);
    };
    await life.summon(web!);
    assert.deepEqual([web!.ready, api!.ready, api!.isSummoned], [true, false, true]);
    await life.clock.advance(5_000);
    assert.deepEqual([api!.ready, alone!.state], [true, 'off']);
    const causes = life.events.filter(({ kind }) => kind === 'ready').map(({ cause }) => cause);
    assert.deepEqual(causes[1], { kind: 'group', of: 'web' });
  });

  it('gives the first place among the boots to the one that is asked for', async () => {
    using life = new Life({ limit: 1 });
    life.backend.latency.start = 1_000;
    const [, api] = await life.with({ name: 'web', group }, { name: 'api', group }, { name: 'db', group });
    const summon = life.summon(api!);
    await life.clock.advance(1_000);
    await summon;
    await life.clock.advance(2_000);
    assert.deepEqual(life.calls('start'), ['start api', 'start web', 'start db']);
  });

  it('leaves the others as they are where one fails', async () => {
    using life = new Life({ limit: 1 });
    const [web, api] = await life.with({ name: 'web', group }, { name: 'api', group });
    life.backend.failNext('start', new JitsuError('JITSU_BACKEND_FAILED', 'no memory'));
    await rejectsWithCode(life.summon(web!), 'JITSU_BACKEND_FAILED');
    await life.clock.advance(0);
    assert.deepEqual([web!.failure?.count, api!.ready], [1, true]);
    await life.clock.advance(20_000);
    assert.equal(api!.state, 'off', 'what is down keeps nobody');
  });

  it('is stopped together, side by side, when none of it is in use', async () => {
    using life = new Life();
    const [web, api, db] = await life.with(
      { name: 'web', group },
      { name: 'api', group },
      { name: 'db', group, ttl: 1_000 },
    );
    await life.summon(web!);
    for (let second = 0; second < 60; second++) {
      life.ask(web!);
      await life.clock.advance(1_000);
      assert.deepEqual([web!.ready, api!.ready, db!.ready], [true, true, true]);
    }
    const { keptBy, stopAt } = life.lifecycle.status(db!);
    assert.deepEqual([keptBy, stopAt], ['web, which is of its group', life.clock.now() + 19_000]);
    life.backend.latency.stop = 1_000;
    await life.clock.advance(19_000);
    assert.deepEqual([web!.phase, api!.phase, db!.phase], ['stopping', 'stopping', 'stopping']);
    await life.clock.advance(1_000);
    assert.deepEqual([web!.state, api!.state, db!.state], ['off', 'off', 'off']);
  });

  it('counts the uses of all cached answers before it is stopped', async () => {
    using life = new Life();
    const [web, api] = await life.with({ name: 'web', group, ttl: 5_000 }, { name: 'api', group });
    await life.summon(web!);
    await life.clock.advance(11_000);
    // As the packet cache does it: what was used is told when the lease ends.
    let uses = 1;
    const lease = life.lease(web!);
    lease.onEnd(() => lease.used?.(uses));
    uses = 3;
    await life.clock.advance(9_000);
    assert.deepEqual([web!.state, api!.state], ['running', 'running'], 'api would have been stopped by now');
    assert.equal(web!.counters.get('web.test')?.requests, 3);
    await life.clock.advance(10_000);
    assert.deepEqual([web!.state, api!.state], ['off', 'off']);
  });

  it('is kept by the traffic to one of it, also where that is known late', async () => {
    const source = new MemoryActivitySource(['api']);
    const stopPolicies = [new ConnectionsStopPolicy(), new TrafficStopPolicy(60_000), new TtlStopPolicy()];
    using life = new Life({}, { sources: [source] });
    const rules = { idle: 900_000, outgoing: false, conntrack: false, ignored: [] };
    const common = { group, stopPolicies, ports: [{ protocol: 'tcp', port: 80 }], useRules: rules } as const;
    const [web, api] = await life.with({ name: 'web', ...common, ttl: 20_000 }, { name: 'api', ...common });
    await life.summon(web!);
    await life.clock.advance(39_000);
    source.traffic.set('api', { connections: 1, lastPacket: life.clock.now() });
    await life.clock.advance(300_000);
    assert.deepEqual([web!.state, api!.state], ['running', 'running']);
    source.traffic.set('api', { connections: 0, lastPacket: life.clock.now() });
    await life.clock.advance(400_000);
    assert.deepEqual([web!.state, api!.state], ['off', 'off']);
  });

  it('is stopped in the order of its needs, which keep nobody else of it', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web', group, needs: ['db'] }, { name: 'db', group });
    await life.summon(db!);
    await life.clock.advance(0);
    assert.equal(web!.ready, true);
    await life.clock.advance(20_000);
    assert.deepEqual([web!.state, db!.state], ['off', 'off']);
    assert.deepEqual(life.calls('stop'), ['stop web destroy', 'stop db destroy']);
  });

  it('is left running where another one is stopped by command, and asks its own policies then', async () => {
    using life = new Life();
    const [web, api] = await life.with({ name: 'web', group, ttl: 30_000 }, { name: 'api', group, ttl: 1_000 });
    await life.summon(web!);
    await life.clock.advance(1_000);
    await life.stop(web!);
    assert.equal(api!.state, 'running');
    await life.clock.advance(1_000);
    assert.equal(api!.state, 'off');
    await life.summon(web!);
    await life.clock.advance(30_000);
    await life.stop(web!);
    await life.clock.advance(0);
    assert.equal(api!.state, 'off', 'it was kept for the one that is gone');
  });

  it('outlives the longest life of one of it that another one uses', async () => {
    using life = new Life();
    const stopPolicies = [new MaxLifetimeStopPolicy(5_000), new TtlStopPolicy()];
    const [web, api] = await life.with({ name: 'web', group }, { name: 'api', group, stopPolicies });
    await life.summon(web!);
    await life.clock.advance(19_000);
    assert.deepEqual([web!.state, api!.state], ['running', 'running']);
    await life.clock.advance(1_000);
    assert.deepEqual([web!.state, api!.state], ['off', 'off']);
  });

  it('stops none of it while another is in use, and all in the end, whatever happens', async function () {
    this.timeout(60_000);
    const kinds = ['summon', 'summon', 'ask', 'ask', 'stop', 'kill', 'run', 'lose', 'restore', 'fail', 'slow', 'quick'];
    const deed = fc.record({
      kind: fc.constantFrom(...kinds),
      whom: fc.constantFrom(0, 1, 2),
      wait: fc.constantFrom(0, 1, 700, 8_000, 21_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 25, maxLength: 25 }), fc.boolean(), async (deeds, needy) => {
        using life = new Life({ limit: 2 });
        const all = await life.with(
          { name: 'web', group, ...(needy && { needs: ['db'] }) },
          { name: 'api', group, ttl: 5_000 },
          { name: 'db', group, ttl: 1_000 },
        );
        const { hypervisor } = life.backend;
        const wrong: string[] = [];
        // A listener must not throw.
        life.onEvent = ({ kind, unikernel, reason }) => {
          if (kind !== 'stopping' || reason === 'by command') return;
          for (const one of all.filter(({ name, stops }) => name !== unikernel && stops === undefined)) {
            if (!mayUseOthers(one)) continue;
            const { stopAt = Infinity, neededBy } = life.lifecycle.status(one);
            const isUsed = stopAt > life.clock.wallTime() && neededBy === undefined;
            if (one.summon !== undefined || isUsed) wrong.push(`${unikernel} is stopped while ${one.name} is in use`);
          }
        };
        for (const { kind, whom, wait } of deeds) {
          const one = all[whom]!;
          const { id } = one.plan;
          if (kind === 'summon')
            void life.summon(one).catch((error: unknown) => assert.ok(error instanceof JitsuError));
          if (kind === 'ask') life.ask(one);
          if (kind === 'stop') void life.stop(one).catch(() => undefined);
          if (kind === 'kill') life.backend.kill(id);
          if (kind === 'run') hypervisor.change(id, 'running');
          if (kind === 'lose') hypervisor.lose();
          if (kind === 'restore') hypervisor.restore();
          if (kind === 'fail') life.backend.failNext('start', new JitsuError('JITSU_BACKEND_FAILED', 'no memory'));
          if (kind === 'slow') Object.assign(life.backend.latency, { start: 15_000, stop: 12_000 });
          if (kind === 'quick') Object.assign(life.backend.latency, { start: 5, stop: 5 });
          await life.clock.advance(wait);
          assert.deepEqual(wrong, []);
        }
        hypervisor.restore();
        for (let round = 0; round < 8; round += 1) await life.clock.advance(40_000);
        assert.deepEqual(
          all.filter(({ state }) => state !== 'off').map(({ name }) => name),
          [],
        );
      }),
      { numRuns: 100 },
    );
  });
});
