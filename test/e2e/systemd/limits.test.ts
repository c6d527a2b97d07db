import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runUnderSystemd } from '../../support/systemd/systemd-machine.js';

const PAGE = fileURLToPath(new URL('../../../../docs/getting-started.md', import.meta.url));

/** The programs want more than their limits, but for the last two. */
const CONFIGURATION = JSON.stringify({
  dns: { bind: '127.0.0.1', port: 1053, forwarders: 'off' },
  // Emulated, and on a busy machine.
  boot: { deadline: '5m' },
  unikernels: [
    {
      name: 'hog',
      user: 'nobody',
      command: ['sh', '-c', 'sleep 2; echo last words >&2; exec tail /dev/zero'],
      limits: { memory: '24M' },
    },
    { name: 'bomb', command: ['bash', '-c', 'b() { b | b & }; b; sleep 1000'], limits: { processes: 12 } },
    { name: 'spin', command: ['sh', '-c', 'while :; do :; done'], limits: { cpu: '20%' } },
    {
      name: 'runaway',
      command: ['sh', '-c', `setsid sh -c 'echo $$ >/tmp/runaway; exec sleep 1000' & exec sleep 1000`],
      limits: { processes: 9 },
    },
    {
      name: 'web',
      user: 'nobody',
      command: 'sleep 1000',
      ready: `exec:sh -c 'cat /proc/self/cgroup >/tmp/probe'`,
      env: { 'with.dot': 'a b', PLAIN: 'c' },
      limits: { memory: '64MiB', cpu: 0.5, processes: 10 },
    },
    { name: 'free', command: 'sleep 1000' },
  ].map((unikernel, index) => ({
    ...{ backend: 'process', dns: `${unikernel.name}.test`, ip: `127.0.0.${index + 2}` },
    ...unikernel,
  })),
});

const UNLIMITED = { 'memory.max': 'max', 'cpu.max': 'max 100000', 'pids.max': 'max' };
const WEB = {
  user: 65_534,
  group: '/system.slice/jitsu.service/unikernel-ID',
  'memory.max': String(64 * 2 ** 20),
  'memory.swap.max': '0',
  'cpu.max': '50000 100000',
  'pids.max': '10',
};

/** The number of the user that Jitsu becomes. */
const JITSU = 990;

/** The unit as the documentation has it. */
function documentedUnit(): string {
  const [, unit] = /```ini\n(\[Unit\]\nDescription=Jitsu,[^`]*)```/.exec(readFileSync(PAGE, 'utf8')) ?? [];
  assert(unit !== undefined, 'the page shows a unit');
  return unit;
}

describe('limits of programs, where systemd has delegated a control group', function () {
  // It has a limit of its own.
  this.timeout(0);
  let found: Readonly<Record<string, unknown>>;

  before(async function () {
    const files = { 'jitsu.service': documentedUnit(), 'jitsu.config.yaml': CONFIGURATION };
    found = JSON.parse(await runUnderSystemd(this, 'test/dist/support/systemd/limits-trial.js', files)) as typeof found;
    if (found['failed'] !== undefined) assert.fail(`The trial failed: ${JSON.stringify(found, undefined, 2)}`);
  });

  const value = (name: string): unknown => {
    if (!(name in found)) assert.fail(`Nothing was found of ${name}: ${JSON.stringify(found, undefined, 2)}`);
    return found[name];
  };

  it('hold Jitsu apart from what they limit', () => {
    for (const [name, expected] of [
      ['Jitsu', JITSU],
      ['free', 0],
    ] as const) {
      const { user, group, ...limits } = value(name) as Record<string, unknown>;
      assert.equal(user, expected, `${name}: ${JSON.stringify(found['warnings'])}`);
      assert.equal(group, '/system.slice/jitsu.service/supervisor');
      assert.deepEqual({ ...limits, 'memory.swap.max': undefined }, { ...UNLIMITED, 'memory.swap.max': undefined });
    }
  });

  it('end a program that takes too much memory, and say so', () => {
    assert.match(String(value('hog')), /^killed: it used more than its limit of memory: last words/);
    assert.equal(value('hog: its group is removed'), true);
  });

  it('hold a fork bomb, which a stop ends as a whole', () => {
    // Some may end between two looks; that the limit was hit has been seen before.
    const most = Number(value('bomb: most processes'));
    assert(most > 6 && most <= 12, `it had ${most} processes`);
    assert.equal(value('bomb: nothing is left'), true);
  });

  it('share out the time of the processors', () => {
    const share = Number(value('spin: share'));
    assert(share > 0.1 && share < 0.25, `it got ${share} of a processor`);
    assert(Number(value('spin: throttled')) > 0);
  });

  it('hold a program, and its probe with it, together', () => {
    assert.deepEqual(value('web'), WEB);
    assert.equal(value('web: its probe ran in the same group'), true);
  });

  it('leave its variables as they are', () => {
    assert.deepEqual(value('web: its variables'), ['PLAIN=c', 'with.dot=a b']);
  });

  it('end what has left the session of its program, too', () => {
    assert.equal(value('runaway: it ends with its unikernel'), true);
  });

  for (const what of ['restart', 'crash']) {
    it(`hold a program that was adopted after a ${what} of Jitsu`, () => {
      const waits = Object.entries(found).filter(([name]) => name.startsWith('waited in vain'));
      const adopted = value(`${what}: web`);
      assert.deepEqual([adopted, waits], [{ isTheSame: true, phase: 'running', ...WEB }, []]);
    });
  }

  it('leave no group behind', () => {
    assert.deepEqual(value('groups at last'), []);
  });

  it('are a mistake where nothing is delegated', () => {
    assert.match(
      String(value('undelegated')),
      /limits: (systemd has not delegated the control group of jitsu\.service|Jitsu may not make control groups)\b.*Start Jitsu as a service that has Delegate=yes/,
    );
  });
});
