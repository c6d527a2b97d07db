import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { ConfigProblems } from '#core/config/config-problems.js';
import type { Settings, UnikernelSettings } from '#core/config/settings.js';
import type { ReadinessProbe, ReadinessTarget } from '#core/contracts/readiness-probe.js';
import type { StopPolicy } from '#core/contracts/stop-policy.js';
import { NameTable } from '#core/dns/resolvers/name-table.js';
import type { BackendStart } from '#core/fleet/backend-start.js';
import { Fleet, type FleetContext } from '#core/fleet/fleet.js';
import { JitsuError } from '#core/errors.js';
import { Instances } from '#core/fleet/instances.js';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { FakeBackend } from '../../support/fake-backend.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const NONE: readonly never[] = [];
const READY = [{ words: 'tcp:8080' }];

/** A fleet on two connections to one hypervisor, of unikernels that are the machines of these names. */
async function aFleet(
  machines: readonly { name: string; backend: string; machine: string; names?: readonly string[] }[],
  made: unknown[] = [],
): Promise<Fleet> {
  const backend = new FakeBackend(new ManualClock());
  const unikernels = machines.map(
    ({ name, backend, machine, names = [] }) =>
      ({
        name,
        backend,
        options: { name: machine },
        names,
        addresses: NONE,
        ready: READY,
        ...{ ports: NONE, relays: NONE },
        stopPolicies: NONE,
        stopMode: 'destroy',
      }) as unknown as UnikernelSettings,
  );
  const connections = ['near', 'far'].map((name) => ({ name, contribution: {} }));
  const instances = {
    backend: () => backend,
    bootConfigurators: [],
    probe: ({ words }: { words: string }) => made.push(words),
  } as unknown as Instances;
  const fleet = new Fleet({ connections, unikernels } as unknown as Settings, instances, aContext());
  await fleet.connect();
  return fleet;
}

/** What a fleet needs, with a list of what it tells. */
function aContext(told: string[] = []): FleetContext & { readonly clock: ManualClock; readonly logger: MemoryLogger } {
  return {
    ...{ clock: new ManualClock(), logger: new MemoryLogger() },
    connect: (open) => open(),
    withhold: ({ name }, { code, reason }) => void told.push(`${name}: ${code}: ${reason}`),
    givesUpRoot: () => false,
    arrived: async ({ name }, unikernels) => void told.push(`${name} has ${unikernels.map(({ name }) => name).join()}`),
  };
}

describe('the fleet', () => {
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

  it('refuses to answer at once for what has no port at which its first packets could be held', () => {
    const at = (name: string, more: object): object => ({
      ...{
        name,
        backend: 'near',
        options: { name },
        names: [],
        addresses: ['192.0.2.1'],
        ready: [{ words: 'exec:true' }],
      },
      ...{
        ports: [],
        relays: [],
        stopPolicies: [],
        stopMode: 'destroy',
        answersAtOnce: true,
        wakesOn: 'query',
        ...more,
      },
    });
    const unikernels = [
      at('none', {}),
      at('nobody', { wakesOn: 'connection' }),
      at('declared', { ports: [{ protocol: 'udp', port: 53 }] }),
      at('asked', { ready: READY }),
      at('own', { backend: 'holder' }),
      at('late', { answersAtOnce: false }),
    ];
    const probe = ({ words }: { words: string }): object => (words === 'tcp:8080' ? { port: 8_080 } : {});
    const instances = { backend: () => new FakeBackend(new ManualClock()), bootConfigurators: [], probe };
    const connections = [
      { name: 'near', contribution: {} },
      { name: 'holder', contribution: { holds: () => true } },
    ];
    const settings = { connections, unikernels } as unknown as Settings;
    assert.throws(
      () => new Fleet(settings, instances as unknown as Instances, aContext()),
      (error) => {
        assert.ok(error instanceof ConfigProblems);
        const why =
          "It is answered at once only where the first packets of its clients can be held until it is ready: name its ports, as in ports: ['tcp/443'].";
        assert.deepEqual(
          error.problems.map(({ path, given, expected }) => `${path}: ${String(given)}: ${expected}`),
          [`none.wake.answer: at-once: ${why}`, `nobody.wake.on: connection: ${why}`],
        );
        return true;
      },
    );
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

  it('says which name was most likely meant by one that nobody has', async () => {
    const fleet = await aFleet([{ name: 'hello', backend: 'near', machine: 'one', names: ['www.jitsu.test'] }]);
    await fleet.register();
    for (const [name, advice] of [
      ['helo', " Did you mean 'hello'?"],
      ['ww.jitsu.test', " Did you mean 'www.jitsu.test'?"],
      ['something-else', ''],
    ] as const) {
      assert.throws(() => fleet.find(name), {
        code: 'JITSU_UNIKERNEL_UNKNOWN',
        message: `No unikernel is called ${name}.${advice} \`jitsu status\` lists them all.`,
      });
    }
  });

  it('takes machines that have the same id on different connections for different ones', async () => {
    const fleet = await aFleet([
      { name: 'a', backend: 'near', machine: 'one' },
      { name: 'b', backend: 'far', machine: 'one' },
    ]);
    await fleet.register();
    assert.deepEqual([...fleet.unikernels.keys()], ['a', 'b']);
  });

  it('finds a unikernel by its name, by a DNS name however it is written, and by its id', async () => {
    const fleet = await aFleet([
      { name: 'a', backend: 'near', machine: 'one', names: ['www.a.test', 'shared.test'] },
      { name: 'b', backend: 'near', machine: 'two', names: ['shared.test', '*.w.test'] },
    ]);
    await fleet.register();
    const [a, b] = [...fleet.unikernels.values()];
    fleet.knowBy(new NameTable([a!, b!]));
    assert.equal(fleet.find('b'), b);
    assert.equal(fleet.find('WWW.A.test.'), a);
    assert.equal(fleet.find('shared.test'), a);
    assert.equal(fleet.find(b!.plan.id.toUpperCase()), b);
    for (const nobodys of ['c.test', 'test', 'x.w.test', '..']) {
      assert.throws(() => fleet.find(nobodys), { code: 'JITSU_UNIKERNEL_UNKNOWN' });
    }
    assert.equal(fleet.find('*.w.test'), b);
  });

  it('plans and makes once what 10,000 unikernels have in common, and nothing for names that nobody asks for', async () => {
    const machines = Array.from({ length: 10_000 }, (_, index) => ({
      ...{ name: `n${index}`, backend: 'near', machine: `n${index}`, names: [`n${index}.test`] },
    }));
    const made: unknown[] = [];
    const fleet = await aFleet(machines, made);
    await fleet.register();
    assert.deepEqual(made, ['tcp:8080']);
    const unikernels = [...fleet.unikernels.values()];
    assert.equal(new Set(unikernels.map(({ plan }) => plan.probes)).size, 1);
    assert.ok(unikernels.every(({ counted }) => counted === undefined));
    assert.equal(unikernels[5]!.counters.get('n5.test')?.requests, 0);
    assert.deepEqual(
      unikernels.filter(({ counted }) => counted !== undefined).map(({ name }) => name),
      ['n5'],
    );
  });
});
