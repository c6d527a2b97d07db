import assert from 'node:assert/strict';
import { UnikernelRecord, type Unikernel, type UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { Controls, selectForStatus, type ControlContext } from '#core/control/controls.js';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { JitsuError } from '#core/errors.js';
import type { Fleet } from '#core/fleet/fleet.js';
import type { Lifecycle } from '#core/lifecycle/lifecycle.js';
import type { StatusReport } from '#core/control/status-report.js';
import { HistoryWriter } from '#core/state/history-writer.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { VERSION } from '#core/version.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';

/** How many unikernels a report has at most. */
const MOST = 10_000;

const unikernels = new Map(
  Array.from({ length: 10 }, (_, index) => {
    const name = `n${index}`;
    const unikernel = new UnikernelRecord({ name, names: [`${name}.test`] } as unknown as UnikernelPlan);
    unikernel.state = index === 7 ? 'running' : 'off';
    if (index === 9) unikernel.counters.get('n9.test')!.requests = 1;
    return [name, unikernel] as const;
  }),
);
const noStrays: ReadonlyMap<string, Unikernel> = new Map();
const namesOf = (limit: number): string =>
  selectForStatus(unikernels, limit)
    .map(({ name }) => name)
    .join(' ');

describe('the unikernels of a report', () => {
  it('are all of them where they fit, in the order of the configuration', () => {
    assert.equal(namesOf(10), 'n0 n1 n2 n3 n4 n5 n6 n7 n8 n9');
  });

  it('are those first of which there is something to tell, where they do not', () => {
    assert.equal(namesOf(4), 'n7 n9 n0 n1');
    assert.equal(namesOf(1), 'n7');
  });
});

describe('the actions of the control socket', () => {
  const unknown = new JitsuError('JITSU_UNIKERNEL_UNKNOWN', 'No unikernel is called nobody.');
  let store: MemoryStateStore;
  let writer: HistoryWriter;
  let ready: boolean;
  let controls: Controls;

  beforeEach(async () => {
    store = new MemoryStateStore();
    await store.open();
    writer = new HistoryWriter(store, new ManualClock(), new MemoryLogger());
    ready = false;
    const fleet = {
      find: (name: string) => {
        if (['nobody', 'former', 'shop'].includes(name)) throw unknown;
        return { name: name.replace(/\.test$/, ''), ready };
      },
    } as unknown as Fleet;
    const lifecycle = {
      summon: async () => void (ready = true),
      status: ({ name }: { name: string }) => ({ name, phase: ready ? 'ready' : 'down' }),
      membersOf: (group: string) => (group === 'shop' ? [{ name: 'db' }, { name: 'web' }] : []),
    } as unknown as Lifecycle;
    controls = new Controls({} as ControlContext, fleet, noStrays, lifecycle, writer, store, new ManualClock());
  });

  afterEach(() => store.close());

  it('say of a group that this is for one alone, and which those are', async () => {
    const expected = {
      code: 'JITSU_UNIKERNEL_UNKNOWN',
      message: 'shop is a group, and this is for one unikernel alone: name one of db, web.',
    };
    await assert.rejects(controls.statusOf('shop'), expected);
    await assert.rejects(controls.keep('shop', { for: '1h' }), expected);
    await assert.rejects(controls.history({ unikernel: 'shop' }), expected);
    await assert.rejects(controls.statusOf('nobody'), unknown);
  });

  it('show and stop what is not configured any more, and refuse to summon it', async () => {
    const former = { name: 'former', plan: { machine: { recentOutput: async () => ['bye'] } } } as unknown as Unikernel;
    const stopped: unknown[] = [];
    const fleet = {
      unikernels: new Map(),
      backends: new Map(),
      find: () => {
        throw unknown;
      },
    } as unknown as Fleet;
    const lifecycle = {
      stop: async (unikernel: unknown) => void stopped.push(unikernel),
      status: ({ name }: { name: string }) => ({ name }),
    } as unknown as Lifecycle;
    const context = {
      settleUses: () => undefined,
      ...Object.fromEntries(
        [
          'listening',
          'runsAs',
          'storeProblem',
          'initProblem',
          'udpTransport',
          'refused',
          'upstreamAnswers',
          'notifiers',
          'cache',
        ].map((key) => [key, () => undefined]),
      ),
      lostDoormen: () => [],
    } as unknown as ControlContext;
    const strays = new Map([['former', former]]);
    const clock = new ManualClock();
    const controls = new Controls(context, fleet, strays, lifecycle, writer, store, clock);
    assert.deepEqual(controls.status().strays, [{ name: 'former' }]);
    assert.deepEqual((await controls.statusOf('former')).unikernels, [{ name: 'former', output: ['bye'] }]);
    assert.deepEqual(await controls.stop('former'), { name: 'former' });
    assert.deepEqual(stopped, [former]);
    await assert.rejects(
      controls.summon('former'),
      /former runs, but is not in the configuration any more.*jitsu stop former/,
    );
    await assert.rejects(controls.stop('nobody'), unknown);
    assert.equal(new Controls(context, fleet, noStrays, lifecycle, writer, store, clock).status().strays, undefined);
  });

  it('say whether the unikernel was ready before it was summoned', async () => {
    assert.deepEqual(await controls.summon('web'), { name: 'web', phase: 'ready', wasReady: false });
    assert.deepEqual(await controls.summon('web'), { name: 'web', phase: 'ready', wasReady: true });
  });

  it('keep a unikernel for a time, say whether a restart forgets that, and refuse what is no time', async () => {
    const kept: unknown[] = [];
    const fleet = { find: (name: string) => ({ name }) } as unknown as Fleet;
    const lifecycle = {
      keep: ({ name }: { name: string }, until: number) => void kept.push([name, until]),
      status: ({ name }: { name: string }) => ({ name }),
    } as unknown as Lifecycle;
    const clock = new ManualClock();
    clock.stepWallTime(5_000);
    const controls = new Controls({} as ControlContext, fleet, noStrays, lifecycle, writer, store, clock);
    assert.deepEqual(await controls.keep('web', { for: '2h' }), { name: 'web', isStored: false });
    assert.deepEqual(kept, [['web', clock.wallTime() + 7_200_000]]);
    await assert.rejects(controls.keep('web', { for: 'ever' }), { code: 'JITSU_CONTROL_FAILED' });
  });

  it('tell the history of one unikernel, by its name or by one of its DNS names, with what is being written', async () => {
    const event = anEvent({ unikernel: 'web' });
    writer.append(event);
    writer.append(anEvent({ unikernel: 'other' }));
    assert.deepEqual(await controls.history({ unikernel: 'web' }), [event]);
    assert.deepEqual(await controls.history({ unikernel: 'web.test', limit: 3 }), [event]);
    assert.equal((await controls.history({})).length, 2);
  });

  it('tell the history of one that is not configured any more', async () => {
    const event = anEvent({ unikernel: 'former' });
    await store.appendEvent(event);
    assert.deepEqual(await controls.history({ unikernel: 'former' }), [event]);
  });

  it('say that there is no such unikernel, and not that nothing has happened to it', async () => {
    assert.deepEqual(await controls.history({ unikernel: 'web' }), []);
    await assert.rejects(controls.history({ unikernel: 'nobody' }), unknown);
  });

  it('stop by command, in a mode that the backend of the unikernel has', async () => {
    const steps: unknown[] = [];
    const fleet = {
      find: (name: string) => ({ name, plan: { backendName: 'near' } }),
      backends: new Map([['near', { checkStopMode: (...given: unknown[]) => void steps.push(['check', ...given]) }]]),
    } as unknown as Fleet;
    const lifecycle = {
      stop: async ({ name }: { name: string }, ...given: unknown[]) => void steps.push(['stop', name, ...given]),
      status: ({ name }: { name: string }) => ({ name, phase: 'down' }),
    } as unknown as Lifecycle;
    const controls = new Controls({} as ControlContext, fleet, noStrays, lifecycle, writer, store, new ManualClock());
    assert.deepEqual(await controls.stop('web'), { name: 'web', phase: 'down' });
    await controls.stop('web', 'shutdown');
    assert.deepEqual(steps, [
      ['stop', 'web', 'by command', undefined],
      ['check', 'web', 'shutdown'],
      ['stop', 'web', 'by command', 'shutdown'],
    ]);
  });

  it('stop a group in a mode that the backends of all have, before any of them is stopped', async () => {
    const steps: unknown[] = [];
    const refused = new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', 'b cannot be stopped so.');
    const members = ['a', 'b'].map((name) => ({ name, plan: { backendName: 'near' } }));
    const checkStopMode = (name: string, mode: string): void => {
      if (name === 'b' && mode === 'pause') throw refused;
    };
    const fleet = { backends: new Map([['near', { checkStopMode }]]) } as unknown as Fleet;
    const failure = new JitsuError('JITSU_BACKEND_FAILED', 'It does not end.');
    const lifecycle = {
      membersOf: (group: string) => (group === 'shop' ? members : []),
      stopTogether: async (all: readonly { name: string }[], ...given: unknown[]) => {
        steps.push([all.map(({ name }) => name), ...given]);
        return new Map([[members[1], failure]]);
      },
      status: ({ name }: { name: string }) => ({ name }),
    } as unknown as Lifecycle;
    const controls = new Controls({} as ControlContext, fleet, noStrays, lifecycle, writer, store, new ManualClock());
    await assert.rejects(controls.stopGroup('shop', 'pause'), refused);
    assert.deepEqual(steps, []);
    assert.deepEqual(await controls.stopGroup('shop', 'destroy'), {
      unikernels: [{ name: 'a' }],
      failures: [{ unikernel: 'b', code: 'JITSU_BACKEND_FAILED', message: 'It does not end.' }],
    });
    assert.deepEqual(steps, [[['a', 'b'], 'by command', 'destroy']]);
    await assert.rejects(controls.stopGroup('web'), { code: 'JITSU_UNIKERNEL_UNKNOWN', message: /no group web/ });
    await assert.rejects(controls.summonGroup('web'), { code: 'JITSU_UNIKERNEL_UNKNOWN' });
  });

  it('summon all of a group, and tell apart those that fail', async () => {
    const members = [{ name: 'a', ready: true }, { name: 'b' }, { name: 'c' }];
    const lifecycle = {
      membersOf: () => members,
      summon: async ({ name }: { name: string }) => {
        if (name === 'b') throw new Error('b has no disk');
      },
      status: ({ name }: { name: string }) => ({ name }),
    } as unknown as Lifecycle;
    const controls = new Controls(
      {} as ControlContext,
      {} as Fleet,
      noStrays,
      lifecycle,
      writer,
      store,
      new ManualClock(),
    );
    assert.deepEqual(await controls.summonGroup('shop'), {
      unikernels: [
        { name: 'a', wasReady: true },
        { name: 'c', wasReady: undefined },
      ],
      failures: [{ unikernel: 'b', code: 'JITSU_CONTROL_FAILED', message: 'b has no disk' }],
    });
  });

  describe('report', () => {
    const nothing = { hits: 0, misses: 0, stale: 0, prefetches: 0, entries: 0, bytes: 0, size: 0 };
    const context: ControlContext = {
      file: undefined,
      listening: () => [],
      runsAs: () => undefined,
      storeProblem: () => undefined,
      initProblem: () => undefined,
      lostDoormen: () => [],
      udpTransport: () => undefined,
      notifiers: () => [],
      cache: () => undefined,
      settleUses: () => undefined,
      forgetReusable: () => undefined,
      refused: () => ({}) as ReturnType<ControlContext['refused']>,
      upstreamAnswers: () => undefined,
    };
    const reportOf = (more: Partial<ControlContext>, count = 1, clock = new ManualClock(5_000)): StatusReport => {
      const unikernels = new Map(
        Array.from({ length: count }, (_, index) => [
          `n${index}`,
          new UnikernelRecord({ name: `n${index}`, names: [] } as unknown as UnikernelPlan),
        ]),
      );
      const lifecycle = { status: ({ name }: { name: string }) => ({ name }) } as unknown as Lifecycle;
      const fleet = { unikernels } as unknown as Fleet;
      return new Controls({ ...context, ...more }, fleet, noStrays, lifecycle, writer, store, clock).status();
    };

    it('leaves out what there is not, and counts nothing where nothing is cached or forwarded', () => {
      assert.deepEqual(reportOf({}), {
        ...{ version: VERSION, pid: process.pid, now: 5_000, startedAt: 5_000, listening: [], notifiers: [] },
        dns: { cache: nothing, refused: {}, upstreamAnswers: { malformed: 0, scrubbed: 0, rebinding: 0 } },
        unikernels: [{ name: 'n0' }],
      });
    });

    it('has what there is, after the uses of the packet cache have been counted', () => {
      const steps: string[] = [];
      const status = { ...nothing, hits: 7 };
      const { configFile, udpTransport, runsAs, dns } = reportOf({
        file: '/a/jitsu.yaml',
        udpTransport: () => 'mmsg',
        runsAs: () => 'jitsu' as never,
        cache: () => ({ status }) as ReturnType<ControlContext['cache']>,
        settleUses: () => void steps.push('settled'),
        refused: () => (steps.push('refused'), {}) as ReturnType<ControlContext['refused']>,
      });
      assert.deepEqual([configFile, udpTransport, runsAs, dns.cache], ['/a/jitsu.yaml', 'mmsg', 'jitsu', status]);
      assert.deepEqual(steps, ['settled', 'refused']);
    });

    it('has the times of the wall clock as it is by then', async () => {
      const clock = new ManualClock(5_000);
      const lifecycle = {} as unknown as Lifecycle;
      const later = new Controls(
        context,
        { unikernels: new Map() } as unknown as Fleet,
        noStrays,
        lifecycle,
        writer,
        store,
        clock,
      );
      await clock.advance(1_000);
      clock.stepWallTime(3_600_000);
      const { now, startedAt } = later.status();
      assert.deepEqual([now, startedAt], [3_606_000, 3_605_000]);
    });

    it('of one unikernel has it alone, with what it wrote last', async () => {
      let recentOutput = async (): Promise<readonly string[]> => ['no port'];
      const find = (name: string) => ({ name, plan: { machine: { recentOutput } } });
      const lifecycle = { status: ({ name }: { name: string }) => ({ name }) } as unknown as Lifecycle;
      const fleet = { find, unikernels: new Map([['other', {}]]) } as unknown as Fleet;
      const one = new Controls(context, fleet, noStrays, lifecycle, writer, store, new ManualClock());
      assert.deepEqual((await one.statusOf('web')).unikernels, [{ name: 'web', output: ['no port'] }]);
      recentOutput = async () => Promise.reject(new Error('The host is down.'));
      const { unikernels } = await one.statusOf('web');
      assert.deepEqual(unikernels, [{ name: 'web', outputProblem: 'The host is down.' }]);
    });

    it('says how many unikernels it leaves out', () => {
      for (const [count, further] of [
        [MOST, undefined],
        [MOST + 1, 1],
        [MOST + 2, 2],
      ] as const) {
        const report = reportOf({}, count);
        assert.deepEqual([report.unikernels.length, report.further], [MOST, further]);
      }
    });
  });
});
