import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { processOptions } from '#process/process-options.js';
import { planProcess, type ProcessPlan } from '#process/process-plan.js';
import { ProgramFinder } from '#process/program-finder.js';
import type { UserAccount } from '#process/user-accounts.js';

describe('the plan of a process', () => {
  function plan(options: object, user?: UserAccount, groups?: (number | undefined)[]): ProcessPlan {
    const parsed = processOptions.parse({ name: 'in-options', command: 'sh -c exit', ...options });
    const found = { user, groups };
    const { plan, absence } = planProcess(
      'id',
      { name: 'web', options: parsed },
      new ProgramFinder(new ManualClock()),
      found,
    );
    if (absence !== undefined) throw absence;
    return plan;
  }

  function asUser<T>(uid: number, action: () => T): T {
    const { getuid } = process;
    Object.assign(process, { getuid: () => uid });
    try {
      return action();
    } finally {
      Object.assign(process, { getuid });
    }
  }

  /** Plans as another user than root, or as root. */
  function as(uid: number, options: object, user?: UserAccount, groups?: (number | undefined)[]): ProcessPlan {
    return asUser(uid, () => plan(options, user, groups));
  }

  it('has all that is needed to spawn it', () => {
    const { program, ...rest } = plan({ cwd: '/usr', env: 'A=b' });
    assert.match(program, /^\/.*\/sh$/);
    const words = ['sh', '-c', 'exit'];
    const withFolder = { cwd: '/usr', hasOwnCwd: true, env: { A: 'b' }, account: undefined };
    assert.deepEqual(rest, { id: 'id', name: 'web', words, ...withFolder });
    assert.equal('hasOwnCwd' in plan({}), false);
    assert.equal(plan({}).cwd, process.cwd());
    assert.equal(plan({ cwd: '/usr/../bin' }).cwd, '/bin');
  });

  it('finds the program in the PATH of the variables', () => {
    assert.throws(() => plan({ env: 'PATH=/nowhere' }), { message: /there is no program 'sh' in \/nowhere/ });
  });

  it('has another user where Jitsu is root, and none where Jitsu runs as that user', () => {
    const other = { uid: 4_711, gid: 4_712, name: 'other', home: '/home/other' };
    assert.deepEqual(as(0, { user: 'other' }, other).account, other);
    assert.equal(as(4_711, { user: 'other' }, other).account, undefined);
    assert.equal(as(0, { user: 0 }, { uid: 0, gid: 0 }).account, undefined);
    assert.equal(as(0, {}, other).account, undefined);
  });

  it('has what confines the program, if anything does', () => {
    assert.equal('confinement' in plan({}), false);
    assert.deepEqual(plan({ umask: '027', limits: { files: 64 }, noNewPrivileges: false }).confinement, {
      ...{ umask: 0o27, files: 64, newPrivileges: true },
    });
    assert.deepEqual(as(0, { groups: ['kvm', 5] }, undefined, [104, 5]).confinement, { groups: [104, 5] });
    const environmentFile = 'package.json';
    assert.deepEqual(plan({ environmentFile }).confinement, { environmentFile: resolve(environmentFile) });
  });

  it('has a control group where its limits need one, and is refused where there is none', () => {
    const programs = new ProgramFinder(new ManualClock());
    const limits = { memory: 2 ** 20, cpu: 0.5, processes: 7, files: 8 };
    const options = { ...processOptions.parse({ name: 'x', command: 'sh' }), limits };
    const folder = { folder: '/sys/fs/cgroup/jitsu', handBack: true };
    assert.deepEqual(planProcess('id', { name: 'web', options }, programs, { control: folder }).plan?.confinement, {
      files: 8,
      control: { ...folder, group: 'unikernel-id', memory: 2 ** 20, cpu: 0.5, processes: 7 },
    });
    assert.throws(() => planProcess('id', { name: 'web', options }, programs, { control: 'Nothing is delegated.' }), {
      code: 'JITSU_UNIKERNEL_INVALID',
      message: 'The process of web cannot be run. limits: Nothing is delegated.',
    });
  });

  it('is refused with groups that there are not, or that only root may give, and files that cannot be read', () => {
    assert.throws(
      () => as(1_000, { groups: ['ghosts', 'kvm'], environmentFile: '/nowhere' }, undefined, [undefined, 1]),
      {
        code: 'JITSU_UNIKERNEL_INVALID',
        message:
          /run\. groups: there is no group 'ghosts'; groups: only root may give a program groups; environmentFile: it cannot be read: ENOENT.*\.$/,
      },
    );
  });

  it('may be run later where nothing is wrong but that its program, folder or file is not there', () => {
    const programs = new ProgramFinder(new ManualClock());
    const planned = (command: string, more = {}) =>
      planProcess('id', { name: 'web', options: processOptions.parse({ name: 'x', command, ...more }) }, programs);
    const absent = planned('/nowhere/program --flag');
    assert.equal(absent.absence?.code, 'JITSU_UNIKERNEL_UNAVAILABLE');
    assert.deepEqual([absent.plan?.program, absent.plan?.words], ['/nowhere/program', ['/nowhere/program', '--flag']]);
    const unplaced = planned('no-such-program');
    assert.deepEqual(
      [unplaced.plan.program, unplaced.absence?.code],
      ['no-such-program', 'JITSU_UNIKERNEL_UNAVAILABLE'],
    );
    assert.match(planned('sh', { cwd: '/nowhere' }).absence?.message ?? '', /there is no folder \/nowhere/);
    assert.match(planned('sh', { environmentFile: '/nowhere' }).absence?.message ?? '', /environmentFile/);
    assert.throws(() => planned('/etc/passwd', { cwd: '/nowhere' }), { code: 'JITSU_UNIKERNEL_INVALID' });
  });

  it('is the same one for a Jitsu that has given up root', () => {
    const other = { uid: 4_711, gid: 4_712 };
    const options = processOptions.parse({ name: 'x', command: '/nowhere/program', user: 4_711, groups: [5] });
    const findings = { user: other, groups: [5], starter: 0 };
    const planned = () => planProcess('id', { name: 'web', options }, new ProgramFinder(new ManualClock()), findings);
    const { plan, absence } = asUser(0, planned);
    assert.equal(absence?.code, 'JITSU_UNIKERNEL_UNAVAILABLE');
    assert.deepEqual(plan.account, other);
    assert.deepEqual(asUser(4_001, planned), { plan, absence });
  });

  it('is refused with every problem', () => {
    assert.throws(() => as(0, { user: 'ghost', cwd: '/nowhere', command: 'no-such-program', env: 'PATH=/' }), {
      code: 'JITSU_UNIKERNEL_INVALID',
      message:
        "The process of web cannot be run. cwd: there is no folder /nowhere; command: there is no program 'no-such-program' in /; user: there is no user 'ghost'.",
    });
    assert.throws(() => as(1_000, { user: 'other' }, { uid: 4_711, gid: 1 }), {
      message:
        "The process of web cannot be run. user: only root may run a program as 'other', and Jitsu runs as user 1000.",
    });
  });
});
