import assert from 'node:assert/strict';
import type { Configured } from '#core/config/contributed-settings.js';
import type { ActivitySource } from '#core/contracts/activity-source.js';
import type { Doorman } from '#core/contracts/doorman.js';
import { JitsuError } from '#core/errors.js';
import type { Instances } from '#core/fleet/instances.js';
import { TrafficParts } from '#core/fleet/traffic-parts.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { MemoryDoorman } from '../../support/memory-doorman.js';
import { MemoryLogger } from '../../support/memory-logger.js';

/** The parts of a Jitsu whose configuration has these doormen, by name. */
function partsWith(doormen: Readonly<Record<string, Doorman>>): TrafficParts {
  const settings = {
    activitySources: [],
    doormen: Object.keys(doormen).map((name) => ({ contribution: { name }, options: {} }) as Configured<Doorman>),
  };
  const configured = ({ contribution }: Configured<unknown>): unknown => doormen[contribution.name];
  const instances = { configured, rootNeeds: [] } as unknown as Pick<Instances, 'configured' | 'rootNeeds'>;
  return new TrafficParts(settings, instances, [], { clock: new ManualClock(), logger: new MemoryLogger() });
}

class CheckedDoorman extends MemoryDoorman {
  checks = 0;

  constructor(private readonly failure?: Error) {
    super();
  }

  async check(): Promise<void> {
    this.checks += 1;
    if (this.failure !== undefined) throw this.failure;
  }
}

describe('the doormen of a configuration', () => {
  it('are checked without being opened, and each that objects is told with its code and its words', async () => {
    const doormen = {
      able: new CheckedDoorman(),
      denied: new CheckedDoorman(new JitsuError('JITSU_DOORMAN_DENIED', 'It takes CAP_NET_ADMIN.')),
      broken: new CheckedDoorman(new Error('no such file')),
      silent: new MemoryDoorman(),
    };
    assert.deepEqual(await partsWith(doormen).check([]), [
      { backend: 'The doorman denied', code: 'JITSU_DOORMAN_DENIED', message: 'It takes CAP_NET_ADMIN.' },
      { backend: 'The doorman broken', code: 'JITSU_DOORMAN_FAILED', message: 'no such file' },
    ]);
    assert.deepEqual(
      [doormen.able, doormen.denied, doormen.broken].map(({ checks, isOpen }) => [checks, isOpen]),
      [
        [1, false],
        [1, false],
        [1, false],
      ],
    );
    assert.equal(doormen.silent.isOpen, false);
  });

  it('warn of a traffic.idle that is longer than what they can know', async () => {
    const activity: ActivitySource = { longestIdle: 3_600_000, sees: () => true, observe: async () => ({}) };
    const doorman = Object.assign(new MemoryDoorman(), { activity });
    const unikernelWith = (name: string, idle: number) =>
      ({ name, useRules: { idle } }) as Parameters<TrafficParts['check']>[0][number];
    const parts = partsWith({ a: doorman, b: new MemoryDoorman() });
    assert.deepEqual(await parts.check([unikernelWith('www', 3_600_000)]), []);
    const [finding, ...more] = await parts.check([unikernelWith('www', 900_000), unikernelWith('db', 7_200_000)]);
    assert.deepEqual([finding?.backend, finding?.isWarning, more], ['The activity source a', true, []]);
    assert.match(finding?.message ?? '', /more than 3600 s, and traffic\.idle of db is 7200 s/);
  });

  it('give the mark of probes of the first that has one', () => {
    const marking = (probeMark: number): Doorman => Object.assign(new MemoryDoorman(), { probeMark });
    assert.equal(partsWith({ a: new MemoryDoorman(), b: marking(7), c: marking(8) }).probeMark, 7);
    assert.equal(partsWith({ a: new MemoryDoorman() }).probeMark, undefined);
    assert.equal(partsWith({}).doormen, undefined);
  });

  it('are told of all that they may have to arm before root is given up', async () => {
    const told: [number, string[]][] = [];
    const doorman = Object.assign(new MemoryDoorman(), {
      beforeDrop: async (user: number, services: Iterable<{ readonly unikernel: string }>) => {
        told.push([user, Array.from(services, ({ unikernel }) => unikernel)]);
      },
    });
    const unikernels = ['www', 'db'].map((name) => aUnikernel({ name }));
    await partsWith({ a: doorman, b: new MemoryDoorman() }).beforeDrop(998, () => unikernels);
    assert.deepEqual(told, [[998, ['www', 'db']]]);
  });
});
