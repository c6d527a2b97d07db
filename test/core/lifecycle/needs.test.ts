import assert from 'node:assert/strict';
import fc from 'fast-check';
import { JitsuError } from '#core/errors.js';
import { mayUseOthers } from '#core/lifecycle/needs.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { aCommand, HandProbe, Life } from '../../support/life.js';

describe('what a unikernel needs', () => {
  it('is ready before it takes a place among the boots, side by side', async () => {
    using life = new Life({ limit: 2 });
    life.backend.latency.start = 1_000;
    const [web, db, cache] = await life.with(
      { name: 'web', needs: ['db', 'cache'] },
      { name: 'db' },
      { name: 'cache' },
    );
    const summon = life.summon(web!);
    await life.clock.advance(0);
    assert.deepEqual([life.lifecycle.booting, life.calls('start').length], [2, 2]);
    assert.equal(life.lifecycle.status(web!).phase, 'summoning');
    await life.clock.advance(1_000);
    assert.deepEqual([db!.ready, cache!.ready, web!.ready], [true, true, false]);
    await life.clock.advance(1_000);
    await summon;
    assert.deepEqual(
      life.events.filter(({ kind }) => kind === 'ready').map(({ unikernel, cause }) => [unikernel, cause]),
      [
        ['db', { kind: 'need', of: 'web' }],
        ['cache', { kind: 'need', of: 'web' }],
        ['web', { kind: 'query', name: 'web.test', type: 'A', client: '127.0.0.1' }],
      ],
    );
  });

  it('comes up in a chain of five where one boots at a time, with no room to wait', async () => {
    using life = new Life({ limit: 1, queue: 0 });
    life.backend.latency.start = 1_000;
    const chain = await life.with(
      ...['a', 'b', 'c', 'd', 'e'].map((name, index, names) => ({
        name,
        ...(index < 4 && { needs: [names[index + 1]!] }),
      })),
    );
    const summon = life.summon(chain[0]!);
    await life.clock.advance(5_000);
    await summon;
    assert.deepEqual(
      life.events.filter(({ kind }) => kind === 'ready').map(({ unikernel }) => unikernel),
      ['e', 'd', 'c', 'b', 'a'],
    );
  });

  it('is kept while it may be used, whatever its own policies say, and stops after it', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web', needs: ['db'] }, { name: 'db', ttl: 1_000 });
    await life.summon(web!);
    for (let second = 0; second < 60; second++) {
      life.ask(web!);
      await life.clock.advance(1_000);
      assert.equal(db!.ready, true);
    }
    assert.deepEqual([life.lifecycle.status(db!).neededBy, life.stopAt(db!)], [['web'], undefined]);
    life.backend.latency.stop = 500;
    await life.clock.advance(19_000);
    assert.deepEqual([web!.state, web!.phase, db!.state, db!.phase], ['running', 'stopping', 'running', 'ready']);
    await life.clock.advance(500);
    assert.deepEqual([web!.state, db!.phase], ['off', 'stopping']);
    await life.clock.advance(500);
    assert.deepEqual([web!.state, db!.state, life.lifecycle.status(db!).neededBy], ['off', 'off', undefined]);
  });

  it('is kept until the last of several has stopped, and longer where its own policies say so', async () => {
    using life = new Life();
    const [web, api, db] = await life.with(
      { name: 'web', needs: ['db'] },
      { name: 'api', needs: ['db'], ttl: 50_000 },
      { name: 'db', ttl: 100_000 },
    );
    await Promise.all([life.summon(web!), life.summon(api!)]);
    assert.equal(life.calls('start').length, 3);
    await life.clock.advance(20_000);
    assert.deepEqual([web!.state, db!.state], ['off', 'running']);
    assert.deepEqual(life.lifecycle.status(db!).neededBy, ['api']);
    await life.clock.advance(80_000);
    assert.deepEqual([api!.state, db!.state], ['off', 'running']);
    await life.clock.advance(100_000);
    assert.equal(db!.state, 'off');
  });

  it('fails it as what it is, and not by its own fault', async () => {
    using life = new Life();
    const [web, , db] = await life.with(
      { name: 'web', needs: ['api'] },
      { name: 'api', needs: ['db'] },
      { name: 'db' },
    );
    life.backend.failNext('start', new JitsuError('JITSU_BACKEND_FAILED', 'no memory'));
    const error = await rejectsWithCode(life.summon(web!), 'JITSU_NEED_FAILED');
    assert.equal(error.message, 'web needs api, which is not ready: api needs db, which is not ready: no memory');
    assert.deepEqual([web!.failure, db!.failure?.count], [undefined, 1]);
    assert.equal(life.lifecycle.status(web!).phase, 'down');
    // The back-off of what has failed is told at once, and is over when that is.
    assert.match((await rejectsWithCode(life.summon(web!), 'JITSU_NEED_FAILED')).message, /db failed once and is left/);
    await life.summon(web!, aCommand);
    assert.equal(web!.ready, true, 'a command ignores the back-off of the whole chain');
    assert.deepEqual(life.events.find(({ unikernel, kind }) => kind === 'ready' && unikernel === 'db')?.cause, {
      kind: 'need',
      of: 'api',
      byCommand: true,
    });
  });

  it('counts for the deadline, which says what is missing, and goes on by its own', async () => {
    using life = new Life();
    life.backend.latency.start = 8_000;
    const [web, db] = await life.with(
      { name: 'web', needs: ['db', 'up'], deadline: 5_000 },
      { name: 'db' },
      { name: 'up' },
    );
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_NEED_FAILED');
    await life.clock.advance(5_000);
    assert.match((await failed).message, /^web was not ready within 5 s: it needs db and up, which are not ready yet/);
    assert.equal(web!.failure, undefined);
    await life.clock.advance(3_000);
    assert.equal(db!.ready, true);
    life.backend.latency.start = 1_000;
    const ready = life.summon(web!);
    await life.clock.advance(1_000);
    await ready;
  });

  it('takes the answers back when it goes down, while what needs it runs on; the next query brings it back', async () => {
    using life = new Life();
    const [front, web, db] = await life.with(
      { name: 'front', needs: ['web'] },
      { name: 'web', needs: ['db'] },
      { name: 'db' },
    );
    await life.summon(front!);
    const leases = [life.lease(front!), life.lease(web!)];
    life.backend.kill(db!.plan.id);
    await life.clock.advance(0);
    assert.deepEqual(
      [front, web].map((one) => [one!.ready, one!.state]),
      [
        [false, 'running'],
        [false, 'running'],
      ],
    );
    assert.deepEqual(
      leases.map(({ holds }) => holds),
      [false, false],
    );
    assert.deepEqual([web!.failure, front!.failure], [undefined, undefined]);
    await life.summon(front!);
    assert.deepEqual([front!.ready, web!.ready, db!.ready], [true, true, true]);
    assert.deepEqual([web!.totalStarts, front!.totalStarts, db!.totalStarts], [1, 1, 2]);
  });

  it('goes down while it boots, is brought back before it counts as ready, and no place is held for that', async () => {
    using life = new Life({ limit: 1 });
    const probe = new HandProbe();
    const [web, db] = await life.with({ name: 'web', needs: ['db'], probes: [probe] }, { name: 'db' });
    const summon = life.summon(web!);
    await life.clock.advance(10);
    assert.equal(web!.phase, 'probing');
    life.backend.kill(db!.plan.id);
    await life.clock.advance(0);
    probe.answer();
    await life.clock.advance(10);
    await summon;
    assert.deepEqual([web!.ready, db!.ready, db!.totalStarts, web!.totalStarts], [true, true, 2, 1]);
    assert.equal(life.lifecycle.booting, 0);
  });

  it('is stopped by command even so, and started again by the next query', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web', needs: ['db'] }, { name: 'db' });
    await life.summon(web!);
    await life.stop(db!);
    assert.deepEqual([db!.state, web!.state, web!.ready], ['off', 'running', false]);
    assert.deepEqual(life.lifecycle.status(db!).neededBy, ['web']);
    await life.summon(web!);
    assert.deepEqual([db!.ready, web!.ready], [true, true]);
  });

  it('is kept from the start where what needs it runs already, or may', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web', needs: ['db'] }, { name: 'db' });
    const { hypervisor } = life.backend;
    for (const { plan } of [db!, web!]) hypervisor.change(plan.id, 'running');
    await life.clock.advance(0);
    assert.deepEqual([web!.state, db!.state], ['running', 'running']);
    hypervisor.lose();
    await life.clock.advance(100_000);
    hypervisor.restore();
    await life.clock.advance(0);
    assert.deepEqual([web!.state, db!.state], ['running', 'running'], 'nothing is stopped that is not known');
    assert.equal(life.calls('stop').length, 0);
    await life.clock.advance(20_000);
    assert.deepEqual([web!.state, db!.state], ['off', 'off']);
    assert.deepEqual(life.calls('stop'), ['stop web destroy', 'stop db destroy']);
  });

  it('keeps answers whose need is merely not known', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web', needs: ['db'] }, { name: 'db' });
    await life.summon(web!);
    const held = life.lease(web!);
    // A backend may fail to tell the state of one machine alone.
    life.backend.hypervisor.change(db!.plan.id, 'unknown');
    await life.clock.advance(0);
    assert.deepEqual([db!.state, held.holds, web!.ready], ['unknown', true, true]);
  });

  it('is replaced while it is used where that is wanted at once, and comes back before the next answer', async () => {
    using life = new Life();
    const [web, db] = await life.with({ name: 'web', needs: ['db'] }, { name: 'db', replace: 'now' });
    const { hypervisor } = life.backend;
    hypervisor.change(web!.plan.id, 'running');
    await life.clock.advance(0);
    await life.summon(web!);
    const lease = life.lease(web!);
    hypervisor.change(db!.plan.id, 'paused');
    await life.clock.advance(0);
    Object.assign(hypervisor.machines.get(db!.plan.id)!, { outdated: { changed: 'command', addresses: [] } });
    hypervisor.change(db!.plan.id, 'running');
    await life.clock.advance(10);
    assert.deepEqual(life.calls('stop'), ['stop db destroy']);
    await life.summon(web!);
    assert.deepEqual([lease.holds, db!.ready, web!.ready, web!.totalStarts], [false, true, true, 1]);
    assert.equal(db!.outdated, undefined);
  });

  it('ends at once with whoever waits for it when everything ends', async () => {
    using life = new Life();
    life.backend.latency.start = 4_000;
    const [web, db] = await life.with({ name: 'web', needs: ['db'] }, { name: 'db' });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SHUTTING_DOWN');
    await life.clock.advance(1_000);
    const closed = life.close(AbortSignal.abort());
    await failed;
    await closed;
    assert.equal(web!.isSummoned, false);
    assert.equal(db!.isSummoned, false);
  });

  it('is stopped after what needs it, where all are stopped', async () => {
    using life = new Life();
    const all = await life.with(
      { name: 'c' },
      { name: 'b', needs: ['c'] },
      { name: 'a', needs: ['b', 'c'] },
      { name: 'x' },
    );
    await Promise.all(all.map((unikernel: Unikernel) => life.summon(unikernel)));
    life.backend.latency.stop = 1_000;
    const stopped = life.lifecycle.stopAll(all, 'Jitsu ends');
    await life.clock.advance(0);
    assert.deepEqual(
      all.map(({ phase }) => phase),
      ['ready', 'ready', 'stopping', 'stopping'],
    );
    await life.clock.advance(3_000);
    await stopped;
    assert.deepEqual(
      all.map(({ state }) => state),
      ['off', 'off', 'off', 'off'],
    );
    assert.deepEqual(
      life.calls('stop').map((call) => call.split(' ')[1]),
      ['a', 'x', 'b', 'c'],
    );
  });

  it('is looked at by `watch` as long as what needs it is ready, also where nobody asks for its own name', async () => {
    using life = new Life();
    const probe = new HandProbe();
    probe.answer();
    const [web, db] = await life.with(
      { name: 'web', needs: ['db'] },
      { name: 'db', probes: [probe], watch: 1_000, deadline: 5_000 },
    );
    await life.summon(web!);
    assert.equal(probe.asked, 1);
    await life.clock.advance(3_000);
    assert.equal(probe.asked, 4);
    probe.fallSilent();
    await life.clock.advance(2_000);
    assert.deepEqual([db!.ready, web!.ready, web!.state], [false, false, 'running']);
    const waits = life.summon(web!);
    probe.answer();
    await waits;
    assert.equal(web!.ready, true);
  });

  it('is there for what needs it, whatever people, guests and the backend do, and every wait ends', async function () {
    this.timeout(60_000);
    const kinds = ['summon', 'summon', 'summon', 'ask', 'stop', 'kill', 'pause', 'run', 'lose', 'restore', 'fail'];
    const deed = fc.record({
      kind: fc.constantFrom(...kinds, 'slow', 'quick', 'silent', 'answering'),
      whom: fc.constantFrom(0, 0, 1, 2, 3),
      wait: fc.constantFrom(0, 0, 1, 50, 700, 8_000, 31_000),
    });
    const shape = fc.record({ limit: fc.constantFrom(1, 2), watched: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 25, maxLength: 25 }), shape, async (deeds, { limit, watched }) => {
        using life = new Life({ limit });
        if (!watched) Object.assign(life.backend, { watch: undefined });
        const probes = Array.from({ length: 4 }, () => new HandProbe());
        for (const probe of probes) probe.answer();
        const all = await life.with(
          { name: 'web', needs: ['api', 'db'], probes: [probes[0]!], deadline: 60_000 },
          { name: 'api', needs: ['db'], probes: [probes[1]!], ttl: 1_000 },
          { name: 'db', probes: [probes[2]!], ttl: 1_000 },
          { name: 'cron', needs: ['db'], probes: [probes[3]!] },
        );
        const byName = new Map(all.map((unikernel) => [unikernel.name, unikernel]));
        const needs = (unikernel: Unikernel): readonly Unikernel[] =>
          (unikernel.plan.needs ?? []).map((name) => byName.get(name)!);
        const { hypervisor } = life.backend;
        const start = life.backend.start.bind(life.backend);
        life.backend.start = (machine) => {
          const own = all.find(({ plan }) => plan.id === machine)!;
          // A need that has just gone down is brought back before its answer, and not before its start.
          for (const need of needs(own)) {
            const isThere = need.startedAt !== undefined || need.state === 'unknown' || need.state === 'running';
            if (!isThere) wrong.push(`${own.name} is started without ${need.name}`);
          }
          return start(machine);
        };
        const wrong: string[] = [];
        // A listener must not throw.
        life.onEvent = ({ kind, unikernel, reason }) => {
          if (kind !== 'stopping' || reason === 'by command') return;
          const users = all.filter((one) => one.plan.needs?.includes(unikernel) && mayUseOthers(one));
          if (users.length > 0) wrong.push(`${unikernel} is stopped while ${users[0]!.name} needs it: ${reason}`);
        };
        const isSound = (): void => {
          assert.deepEqual(wrong, []);
          for (const one of all.filter(({ ready }) => ready)) {
            for (const need of needs(one)) {
              assert.ok(need.ready || need.state === 'unknown', `${one.name} is ready, and ${need.name} ${need.phase}`);
            }
          }
        };
        const waits: Promise<unknown>[] = [];
        for (const { kind, whom, wait } of deeds) {
          const one = all[whom]!;
          const { id } = one.plan;
          if (kind === 'summon')
            waits.push(life.summon(one).catch((error: unknown) => assert.ok(error instanceof JitsuError)));
          if (kind === 'ask') life.ask(one);
          if (kind === 'stop') waits.push(life.stop(one).catch(() => undefined));
          if (kind === 'kill') life.backend.kill(id);
          if (kind === 'pause' && hypervisor.machines.get(id)?.state === 'running') hypervisor.change(id, 'paused');
          if (kind === 'run') hypervisor.change(id, 'running');
          if (kind === 'lose') hypervisor.lose();
          if (kind === 'restore') hypervisor.restore();
          if (kind === 'fail') life.backend.failNext('start', new JitsuError('JITSU_BACKEND_FAILED', 'no memory'));
          if (kind === 'slow') Object.assign(life.backend.latency, { start: 45_000, stop: 20_000 });
          if (kind === 'quick') Object.assign(life.backend.latency, { start: 5, stop: 5 });
          if (kind === 'silent') probes[whom]!.fallSilent();
          if (kind === 'answering') probes[whom]!.answer();
          await life.clock.advance(wait);
          isSound();
        }
        const told = Promise.all(waits).then(() => 'all told');
        hypervisor.restore();
        for (let round = 0; round < 15; round += 1) {
          await life.clock.advance(40_000);
          isSound();
        }
        assert.equal(await Promise.race([told, Promise.resolve('somebody waits')]), 'all told');
        assert.equal(life.lifecycle.booting, 0);
        for (const { name, state, phase } of all) assert.ok(state !== 'running', `${name} is left ${phase}`);
      }),
      { numRuns: 100 },
    );
  });
});
