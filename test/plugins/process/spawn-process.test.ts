import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import type { ProcessPlan } from '#process/process-plan.js';
import type { SpawnOrder } from '#core/plugin-kit/spawn-order.js';
import { environmentOf, marksOf, parseVariables, spawnProcess, startFailed } from '#process/spawn-process.js';
import type { LiveChild, Spawner } from '#core/plugin-kit/spawner.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const PLAN: ProcessPlan = {
  ...{ id: 'id', name: 'web', program: '/bin/web', words: ['web', '-v'], cwd: '/srv', env: { A: 'b' } },
  account: undefined,
};
const FILES = { stdout: '/out', stderr: '/err' };
const MARKS = marksOf('id', '/run', 'a nonce');
const CHILD: LiveChild = { pid: 42, exited: Promise.resolve({}), told: true };

describe('spawning the process of a plan', () => {
  /** Sets variables of this process meanwhile. */
  async function withVariables(variables: NodeJS.ProcessEnv, act: () => Promise<void>): Promise<void> {
    const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
    const set = (entries: Iterable<readonly [string, string | undefined]>): void => {
      for (const [name, value] of entries) {
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    };
    set(Object.entries(variables));
    try {
      await act();
    } finally {
      set(before);
    }
  }

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
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('JITSU_'));
    assert.deepEqual(env, { ...Object.fromEntries(inherited), A: 'b', ...MARKS });
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
    const known = await ordered({ account: { uid: 1, gid: 2, name: 'web', home: '/home/web' } });
    assert.deepEqual(known.account, { uid: 1, gid: 2 });
    assert.deepEqual([known.env.USER, known.env.LOGNAME, known.env.HOME], ['web', 'web', '/home/web']);
    const number = await ordered({ account: { uid: 3, gid: 3 } });
    assert.deepEqual(number.account, { uid: 3, gid: 3 });
    assert.deepEqual([number.env.USER, number.env.LOGNAME, number.env.HOME], [undefined, undefined, undefined]);
  });

  it('hands none of Jitsu’s variables on to another user but those that say where and how', async () => {
    const secrets = { JITSU_XAPI_PASSWORD: 'x', SSH_AUTH_SOCK: '/s', DATABASE_URL: 'y', NODE_OPTIONS: '--no-warnings' };
    const harmless = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', LC_TIME: 'C', TZ: 'UTC' };
    await withVariables({ ...secrets, ...harmless, LANGUAGE: undefined }, async () => {
      const account = { uid: 4_711, gid: 4_712, name: 'web', home: '/home/web' };
      const { env } = await ordered({ account });
      const lc = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('LC_')));
      assert.deepEqual(env, {
        ...{ ...harmless, ...lc, USER: 'web', LOGNAME: 'web', HOME: '/home/web', A: 'b' },
        ...MARKS,
      });
      assert.equal((await ordered()).env.JITSU_XAPI_PASSWORD, undefined);
      assert.equal((await ordered()).env.SSH_AUTH_SOCK, '/s');
    });
    await withVariables({ PATH: undefined }, async () => {
      const { env } = await ordered({ account: { uid: 1, gid: 1 } });
      assert.equal(env.PATH, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
    });
  });

  it('reads further variables from a file at each start', async () => {
    using folder = new TemporaryFolder();
    const environmentFile = folder.in('secrets');
    const changes = { env: { A: 'b', KEPT: '1' }, confinement: { environmentFile } };
    writeFileSync(environmentFile, 'A=from the file\nJITSU_UNIKERNEL=x');
    assert.deepEqual(await ordered(changes).then(({ env }) => [env.A, env.KEPT, env.JITSU_UNIKERNEL]), [
      ...['from the file', '1', 'id'],
    ]);
    writeFileSync(environmentFile, 'A=again');
    assert.equal((await ordered(changes)).env.A, 'again');
    rmSync(environmentFile);
    await assert.rejects(ordered(changes), {
      code: 'JITSU_BACKEND_FAILED',
      message: /^web cannot be started: its environmentFile cannot be read: ENOENT/,
    });
  });

  it('reads variables as systemd does', () => {
    const lines = [
      '# no',
      '; no',
      '',
      'A=b',
      ' B = c d ',
      'C="quoted  "',
      "D='x'",
      'E=',
      'F=a=b',
      'nothing',
      'G="half',
      '\r',
    ];
    const expected = { A: 'b', B: 'c d', C: 'quoted  ', D: 'x', E: '', F: 'a=b', G: '"half' };
    assert.deepEqual(parseVariables(lines.join('\n')), expected);
    assert.deepEqual(parseVariables('A=b\r\nC=d\r\n'), { A: 'b', C: 'd' });
  });

  it('orders what confines it, and marks nothing else that runs for it', async () => {
    const confinement = { groups: [7], umask: 0o27, files: 64, newPrivileges: true };
    const { groups, umask, files } = await ordered({ confinement });
    assert.deepEqual([groups, umask, files], [[7], 0o27, 64]);
    const names = Object.keys(environmentOf(PLAN));
    assert.ok(names.includes('A') && !names.some((name) => name.startsWith('JITSU_')));
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
