import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { ConfigProblems } from '#core/config/config-problems.js';
import type { Settings } from '#core/config/settings.js';
import type { ReadinessProbe, ReadinessTarget } from '#core/contracts/readiness-probe.js';
import type { StopPolicy } from '#core/contracts/stop-policy.js';
import type { BackendStart } from '#core/fleet/backend-start.js';
import { Fleet } from '#core/fleet/fleet.js';
import { JitsuError } from '#core/errors.js';
import { Instances } from '#core/fleet/instances.js';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { FakeBackend } from '../../support/fake-backend.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { aContext, aFleet, READY } from '../../support/fleet.js';

const NONE: readonly never[] = [];

describe('the start of the fleet', () => {
  it('asks the boot configurators of unikernels that they will be called for, and says all that is wrong', async () => {
    const able = new FakeBackend(new ManualClock());
    Object.assign(able, { capabilities: { ...able.capabilities, bootConfigurators: true } });
    const backends: Readonly<Record<string, FakeBackend>> = { able, unable: new FakeBackend(new ManualClock()) };
    const unikernels = ['able', 'able', 'unable'].map((backend, index) => ({
      ...{ name: `${backend}-${index}`, backend, options: { name: `${backend}-${index}` } },
      ...{ names: [], ready: [], ports: [], relays: [], stopPolicies: [], stopMode: 'destroy' },
    }));
    const instances = {
      backend: ({ name }: { name: string }) => backends[name],
      bootConfigurators: [
        { configure: async () => undefined },
        {
          configure: async () => undefined,
          check: async ({ name }: { name: string }) => Promise.reject(new Error(`${name} has no file`)),
        },
      ],
    } as unknown as Instances;
    const connections = ['able', 'unable'].map((name) => ({ name, contribution: {} }));
    const fleet = new Fleet({ connections, unikernels } as unknown as Settings, instances, aContext());
    for (const [name, backend] of Object.entries(backends)) Object.assign(backend, { name });
    await fleet.connect();
    await assert.rejects(fleet.register(), (error) => {
      assert.ok(error instanceof ConfigProblems);
      assert.match(error.message, /^The command line /);
      assert.deepEqual(
        error.problems.map(({ path, given, expected }) => `${path}: ${given}: ${expected}`),
        ['able-0: it could not boot: able-0 has no file', 'able-1: it could not boot: able-1 has no file'],
      );
      return true;
    });
  });

  it('has probes say what they will have spawned for each unikernel, and refuses one where that is not possible', async () => {
    const backend = new FakeBackend(new ManualClock());
    const unikernels = ['web', 'db'].map((name) => ({
      ...{ name, backend: 'near', options: { name }, names: [], addresses: ['192.0.2.1'], ready: READY },
      ...{ ports: [], relays: [], stopPolicies: [], stopMode: 'destroy' },
    }));
    const allowed: unknown[] = [];
    const allow = (target: ReadinessTarget): void => {
      allowed.push({ ...target, execution: target.execution?.() });
      if (target.name === 'db') throw new Error('too late');
    };
    Object.assign(backend, { guard: () => ({ execution: () => ({ cwd: '/', env: {} }) }) });
    const instances = { backend: () => backend, bootConfigurators: [], probe: () => ({ allow }) };
    const settings = { connections: [{ name: 'near', contribution: {} }], unikernels } as unknown as Settings;
    const fleet = new Fleet(settings, instances as unknown as Instances, aContext());
    await fleet.connect();
    await assert.rejects(fleet.register(), /db.*a command that is refused.*too late/s);
    const target = { addresses: ['192.0.2.1'], execution: { cwd: '/', env: {} } };
    const ids = [...fleet.unikernels.values()].map(({ plan: { name, id } }) => ({ name, id }));
    assert.deepEqual(
      allowed,
      ids.map((id) => ({ ...id, ...target })),
    );
  });

  it('has allowed, before root is given up, what machines that are not there yet will take, and asks for each once', async () => {
    const clock = new ManualClock();
    const execution = { cwd: '/', env: {} };
    const asked: string[] = [];
    const backend = Object.assign(new FakeBackend(clock), {
      name: 'near',
      handsOver: false,
      guard: ({ id }: { id: string }) => ({ id, execution: () => execution }),
      machine: async ({ name }: { name: string }) => {
        asked.push(name);
        if (name === 'slow') await clock.sleep(5_000);
        else if (asked.length === 2) throw new JitsuError('JITSU_UNIKERNEL_UNAVAILABLE', 'no file');
        return { id: name };
      },
      allow: async () => execution,
    });
    const allowed: unknown[] = [];
    const allow = (target: ReadinessTarget): void => {
      allowed.push({ name: target.name, id: target.id, execution: target.execution?.() });
    };
    const unikernels = ['slow', 'absent'].map((name) => ({
      ...{ name, backend: 'near', options: { name }, names: [], addresses: NONE, ready: READY },
      ...{ ports: [], relays: [], stopPolicies: [], stopMode: 'destroy' },
    }));
    const instances = { backend: () => backend, bootConfigurators: [], probe: () => ({ allow }) };
    const settings = { connections: [{ name: 'near', contribution: {} }], unikernels } as unknown as Settings;
    const told: string[] = [];
    const fleet = new Fleet(settings, instances as unknown as Instances, {
      ...aContext(told),
      clock,
      givesUpRoot: () => true,
    });
    await fleet.connect();
    const registered = fleet.register();
    while (asked.length < 2) await setImmediate();
    await clock.advance(2_000);
    await registered;
    const both = ['slow', 'absent'].map((name) => ({ name, id: '', execution }));
    assert.deepEqual(allowed, both);
    fleet.keepTrying();
    await clock.advance(10_000);
    await eventually(() => assert.equal(told.at(-1), 'near has absent,slow'));
    assert.deepEqual(asked, ['slow', 'absent', 'absent']);
    assert.deepEqual(allowed, both);
  });

  it('checks what the policies and probes of plugins say, and logs a failure once for all that share one', async () => {
    class Broken implements StopPolicy, ReadinessProbe {
      opinionOn = (): never => assert.fail('no calendar');
      untilReady = (): never => assert.fail('no calendar');
    }
    const clock = new ManualClock();
    const logger = new MemoryLogger();
    class Plain extends FakeBackend {
      constructor() {
        super(clock);
      }
    }
    const broken = () => ({ words: 'broken', contribution: { name: 'broken', useClass: Broken }, options: undefined });
    const [probe, policy] = [broken(), broken()];
    const unikernels = ['a', 'b'].map((name, index) => ({
      ...{ name, backend: 'near', options: { name }, names: [], addresses: NONE, stopMode: 'destroy', ttl: index },
      ...{ ready: [probe], ports: [], relays: [], stopPolicies: [policy] },
    }));
    const connections = [{ name: 'near', contribution: { name: 'fake', useClass: Plain }, options: undefined }];
    const settings = { connections, unikernels, bootConfigurators: [], runtimeDirectory: '' } as unknown as Settings;
    const fleet = new Fleet(settings, new Instances(settings, clock, logger), aContext());
    await fleet.connect();
    await fleet.register();
    for (const { plan } of fleet.unikernels.values()) {
      const activity = { unikernel: plan.name, since: 0, names: [] };
      assert.deepEqual(plan.stopPolicies[0]?.opinionOn(activity, 5), { keepUntil: 60_005 });
      const target = { name: plan.name, id: plan.id, addresses: [] };
      const failed = plan.probes[0]!.untilReady(target, new AbortController().signal);
      assert.match((await rejectsWithCode(failed, 'JITSU_SUMMON_FAILED')).message, /probe broken of [ab] failed/);
    }
    assert.equal(logger.entries.length, 1);
  });

  it('connects backends as the user one after the other, and before all others', async () => {
    const clock = new ManualClock();
    const order: string[] = [];
    const backendOf = (name: string): unknown =>
      Object.assign(new FakeBackend(clock), {
        name,
        ...(name === 'plain' ? {} : { needsRoot: 'it asks a daemon of root' }),
        connect: async () => {
          order.push(`${name} begins`);
          await clock.sleep(100);
          order.push(`${name} ends`);
          if (name === 'first') throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'not there');
        },
      });
    const instances = { backend: ({ name }: { name: string }) => backendOf(name), bootConfigurators: [] };
    const connections = ['plain', 'first', 'second'].map((name) => ({ name, contribution: {} }));
    const settings = { connections, unikernels: [] } as unknown as Settings;
    const fleet = new Fleet(settings, instances as unknown as Instances, {
      ...aContext(),
      clock,
      givesUpRoot: () => true,
    });
    const connecting = fleet.connect();
    for (let step = 0; step < 3; step += 1) await clock.advance(100);
    await connecting;
    assert.deepEqual(
      order,
      ['first', 'second', 'plain'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  });

  for (const [what, patience, of] of [
    ['is usual', 2_000, { givesUpRoot: false, handsOver: true }],
    ['hands nothing over where root is given up', 2_000, { givesUpRoot: true, handsOver: false }],
    ['hands over what needs root', 60_000, { givesUpRoot: true, handsOver: true }],
  ] as const) {
    it(`waits ${patience / 1_000} s for a backend that ${what}`, async () => {
      const clock = new ManualClock();
      const { handsOver } = of;
      const backend = Object.assign(new FakeBackend(clock), { handsOver, connect: () => clock.sleep(70_000) });
      const instances = { backend: () => backend, bootConfigurators: [] } as unknown as Instances;
      const settings = { connections: [{ name: 'near', contribution: {} }], unikernels: [] } as unknown as Settings;
      const fleet = new Fleet(settings, instances, { ...aContext(), clock, givesUpRoot: () => of.givesUpRoot });
      const connecting = fleet.connect();
      await clock.advance(patience - 1);
      const near = fleet.starts.get('near') as BackendStart;
      assert.deepEqual([near.isConnected, near.isSlow, near.awaited], [false, false, 'it has not answered yet']);
      await clock.advance(1);
      await connecting;
      assert.equal(near.isSlow, true);
      await clock.advance(70_000 - patience);
      assert.deepEqual([near.isConnected, near.awaited], [true, undefined]);
    });
  }

  it('refuses two unikernels that are one machine, and says which', async () => {
    const fleet = await aFleet([
      { name: 'a', backend: 'near', machine: 'one' },
      { name: 'b', backend: 'near', machine: 'two' },
      { name: 'c', backend: 'near', machine: 'one' },
      { name: 'd', backend: 'near', machine: 'one' },
    ]);
    await assert.rejects(fleet.register(), (error) => {
      assert.ok(error instanceof ConfigProblems);
      assert.deepEqual(
        error.problems.map(({ path, given }) => `${path}: ${given}`),
        ['c: the same machine as a', 'd: the same machine as a'],
      );
      return true;
    });
  });
});
