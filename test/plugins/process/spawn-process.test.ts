import assert from 'node:assert/strict';
import type { ProcessPlan } from '#process/process-plan.js';
import type { SpawnOrder } from '#process/spawn-order.js';
import { marksOf, spawnProcess, startFailed } from '#process/spawn-process.js';
import type { LiveChild, Spawner } from '#process/spawner.js';

const PLAN: ProcessPlan = {
  ...{ id: 'id', name: 'web', program: '/bin/web', words: ['web', '-v'], cwd: '/srv', env: { A: 'b' } },
  account: undefined,
};
const FILES = { stdout: '/out', stderr: '/err' };
const MARKS = marksOf('id', '/run', 'a nonce');
const CHILD: LiveChild = { pid: 42, exited: Promise.resolve({}), told: true };

describe('spawning the process of a plan', () => {
  /** What the spawner is ordered. */
  async function ordered(changes: Partial<ProcessPlan> = {}): Promise<Omit<SpawnOrder, 'number'>> {
    const orders: Omit<SpawnOrder, 'number'>[] = [];
    const spawner = { spawn: async (order: Omit<SpawnOrder, 'number'>) => (orders.push(order), CHILD) };
    assert.equal(await spawnProcess({ ...PLAN, ...changes }, FILES, MARKS, spawner as unknown as Spawner), CHILD);
    return orders[0] ?? assert.fail('nothing is ordered');
  }

  it('orders just that, with marks by which it is found', async () => {
    const { env, ...rest } = await ordered();
    assert.deepEqual(rest, { program: '/bin/web', argv0: 'web', words: ['-v'], cwd: '/srv', ...FILES });
    assert.deepEqual(env, { ...process.env, A: 'b', ...MARKS });
    assert.deepEqual(MARKS, { JITSU_UNIKERNEL: 'id', JITSU_RUNTIME_DIRECTORY: '/run', JITSU_SPAWN: 'a nonce' });
  });

  it('lets the plan’s variables win over Jitsu’s, and the marks over both', async () => {
    const { env } = await ordered({ env: { PATH: '/mine', JITSU_UNIKERNEL: 'another' } });
    assert.deepEqual([env.PATH, env.JITSU_UNIKERNEL], ['/mine', 'id']);
  });

  it('hands on nothing by which systemd informs Jitsu', async () => {
    const names = ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'];
    for (const name of [...names, 'MAINPID', 'OTHER']) process.env[name] = '7';
    try {
      const { env } = await ordered();
      assert.deepEqual(
        [...names, 'MAINPID', 'OTHER'].filter((name) => name in env),
        ['OTHER'],
      );
    } finally {
      for (const name of [...names, 'MAINPID', 'OTHER']) Reflect.deleteProperty(process.env, name);
    }
  });

  it('names the user to the program as far as they are known', async () => {
    const { USER, LOGNAME, HOME } = process.env;
    const known = await ordered({ account: { uid: 1, gid: 2, name: 'web', home: '/home/web' } });
    assert.deepEqual(known.account, { uid: 1, gid: 2 });
    assert.deepEqual([known.env.USER, known.env.LOGNAME, known.env.HOME], ['web', 'web', '/home/web']);
    const number = await ordered({ account: { uid: 3, gid: 3 } });
    assert.deepEqual(number.account, { uid: 3, gid: 3 });
    assert.deepEqual([number.env.USER, number.env.LOGNAME, number.env.HOME], [USER, LOGNAME, HOME]);
  });

  const ADVICE = {
    ENOENT: 'The program, the interpreter in its first line, or its folder is gone.',
    EACCES: 'The user whom it runs as may not run it or enter its folder.',
    ENOEXEC: 'It is not a program of this kind of machine, or a script whose first line does not say #!.',
    EPERM: 'Jitsu may not run it as that user.',
    E2BIG: 'Its arguments and variables are longer than the system allows.',
    EAGAIN: 'The limit on the number of processes is reached (ulimit -u, or TasksMax in systemd).',
    EMFILE: 'Jitsu has too many files open (ulimit -n, or LimitNOFILE in systemd).',
    ENOMEM: 'There is not enough memory.',
  };
  for (const [code, advice] of [...Object.entries(ADVICE), ['EIO', ''], [undefined, '']] as const) {
    it(`says what to do about ${code ?? 'an error without a code'}`, async () => {
      const cause = Object.assign(new Error('spawn failed'), code === undefined ? {} : { code });
      const spawner = { spawn: () => Promise.reject(cause) };
      const message = `web cannot be started: /bin/web in /srv: spawn failed. ${advice}`.trim();
      const expected = { code: 'JITSU_BACKEND_FAILED', message, cause };
      await assert.rejects(spawnProcess(PLAN, FILES, MARKS, spawner as unknown as Spawner), expected);
      assert.equal(startFailed(PLAN, cause).message, message);
    });
  }
});
