import assert from 'node:assert/strict';
import type { ProcessPlan } from '#process/process-plan.js';
import { executionOf, inheritedBy, launchOf, marksOf, startFailed } from '#process/spawn-process.js';

const PLAN: ProcessPlan = {
  ...{ id: 'id', name: 'web', program: '/bin/web', words: ['web', '-v'], cwd: '/srv', env: { A: 'b' } },
  account: undefined,
};
const MARKS = marksOf('id', '/run');

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

  /** What the spawner is to launch, with all variables that are known before a start. */
  function launched(changes: Partial<ProcessPlan> = {}) {
    const plan = { ...PLAN, ...changes };
    const launch = launchOf(plan, inheritedBy(plan.account), MARKS, '/run/output/id');
    const { inherited, env, marks, ...rest } = launch;
    return { ...rest, env: { ...inherited, ...env, ...marks } };
  }

  it('launches just that, with marks by which it is found', () => {
    const { env, ...rest } = launched();
    const output = '/run/output/id';
    assert.deepEqual(rest, {
      program: '/bin/web',
      argv0: 'web',
      words: ['-v'],
      cwd: '/srv',
      output,
      account: undefined,
    });
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('JITSU_'));
    assert.deepEqual(env, { ...Object.fromEntries(inherited), A: 'b', ...MARKS, JITSU_COMMAND: 'web 1 2' });
    assert.deepEqual(MARKS, { JITSU_UNIKERNEL: 'id', JITSU_RUNTIME_DIRECTORY: '/run' });
  });

  it('lets the plan’s variables win over Jitsu’s, and the marks over both', async () => {
    const { env } = launched({ env: { PATH: '/mine', JITSU_UNIKERNEL: 'another' } });
    assert.deepEqual([env.PATH, env.JITSU_UNIKERNEL], ['/mine', 'id']);
  });

  it('hands on nothing by which systemd informs Jitsu', async () => {
    const names = ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'];
    for (const name of [...names, 'MAINPID', 'OTHER']) process.env[name] = '7';
    try {
      const { env } = launched();
      assert.deepEqual(
        [...names, 'MAINPID', 'OTHER'].filter((name) => name in env),
        ['OTHER'],
      );
    } finally {
      for (const name of [...names, 'MAINPID', 'OTHER']) Reflect.deleteProperty(process.env, name);
    }
  });

  it('names the user to the program as far as they are known', async () => {
    const known = launched({ account: { uid: 1, gid: 2, name: 'web', home: '/home/web' } });
    assert.deepEqual(known.account, { uid: 1, gid: 2 });
    assert.deepEqual([known.env.USER, known.env.LOGNAME, known.env.HOME], ['web', 'web', '/home/web']);
    const number = launched({ account: { uid: 3, gid: 3 } });
    assert.deepEqual(number.account, { uid: 3, gid: 3 });
    assert.deepEqual([number.env.USER, number.env.LOGNAME, number.env.HOME], [undefined, undefined, undefined]);
  });

  it('hands none of Jitsu’s variables on to another user but those that say where and how', async () => {
    const secrets = { JITSU_XAPI_PASSWORD: 'x', SSH_AUTH_SOCK: '/s', DATABASE_URL: 'y', NODE_OPTIONS: '--no-warnings' };
    const harmless = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', LC_TIME: 'C', TZ: 'UTC' };
    await withVariables({ ...secrets, ...harmless, LANGUAGE: undefined }, async () => {
      const account = { uid: 4_711, gid: 4_712, name: 'web', home: '/home/web' };
      const { env } = launched({ account });
      const lc = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('LC_')));
      assert.deepEqual(env, {
        ...{ ...harmless, ...lc, USER: 'web', LOGNAME: 'web', HOME: '/home/web', A: 'b' },
        ...MARKS,
        JITSU_COMMAND: 'web 1 2',
      });
      assert.equal(launched().env.JITSU_XAPI_PASSWORD, undefined);
      assert.equal(launched().env.SSH_AUTH_SOCK, '/s');
    });
    await withVariables({ PATH: undefined }, async () => {
      const { env } = launched({ account: { uid: 1, gid: 1 } });
      assert.equal(env.PATH, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
    });
  });

  it('launches it confined', () => {
    const confinement = { groups: [7], umask: 0o27, files: 64, newPrivileges: true, environmentFile: '/secrets' };
    const { program: _program, argv0: _argv0, words: _words, env: _env, ...rest } = launched({ confinement });
    assert.deepEqual(rest, { cwd: '/srv', output: '/run/output/id', account: undefined, ...confinement });
  });

  it('has what looks after it run in the same way, but for the marks', () => {
    const account = { uid: 1, gid: 2, name: 'web', home: '/home/web' };
    const inherited = { PATH: '/bin' };
    const confinement = { groups: [3], umask: 0o27, files: 64, newPrivileges: true, environmentFile: '/secrets' };
    const execution = executionOf({ ...PLAN, account, confinement }, inherited);
    assert.deepEqual(execution, {
      ...{ cwd: '/srv', env: { A: 'b' }, inherited, account: { uid: 1, gid: 2 } },
      ...confinement,
    });
    assert.deepEqual(executionOf(PLAN, inherited), { cwd: '/srv', env: { A: 'b' }, inherited, account: undefined });
  });

  const ADVICE = {
    ENOENT: 'The program, the interpreter in its first line, or its folder is gone.',
    EACCES: 'The user whom it runs as may not run it or enter its folder.',
    ENOEXEC: 'It is not a program of this kind of machine, or a script whose first line does not say #!.',
    EPERM: 'Jitsu may not run it as that user.',
    E2BIG: 'Its arguments and variables are longer than the system allows.',
    EAGAIN: 'The limit on the number of processes is reached (ulimit -u, or TasksMax in systemd).',
    ENOMEM: 'There is not enough memory.',
  };
  for (const [code, advice] of [...Object.entries(ADVICE), ['EIO', ''], [undefined, '']] as const) {
    it(`says what to do about ${code ?? 'an error without a code'}`, async () => {
      const cause = Object.assign(new Error('spawn failed'), code === undefined ? {} : { code });
      const message = `web cannot be started: /bin/web in /srv: spawn failed. ${advice}`.trim();
      const { code: failure, message: said, cause: why } = startFailed(PLAN, cause);
      assert.deepEqual([failure, said, why], ['JITSU_BACKEND_FAILED', message, cause]);
    });
  }

  it('says once what to do about EMFILE', () => {
    const { message } = startFailed(PLAN, Object.assign(new Error('spawn failed'), { code: 'EMFILE' }));
    assert.match(message, /: spawn failed \(this process may open no more files: raise its limit, [^)]*\)\.$/);
  });

  it('says that a file of variables cannot be read, and gives no advice about the program', () => {
    const cause = Object.assign(new Error("ENOENT: no such file, open '/secrets'"), {
      code: 'ENOENT',
      path: '/secrets',
    });
    const { message } = startFailed({ ...PLAN, confinement: { environmentFile: '/secrets' } }, cause);
    assert.equal(
      message,
      "web cannot be started: its environmentFile cannot be read: ENOENT: no such file, open '/secrets'.",
    );
  });
});
