import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { threadsOf } from '../support/process-status.js';
import { requireRoot } from '../support/require-tool.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const { aUnikernel } = RunningJitsu;

/** Has no name on any machine. */
const USER = 4_000_001;

const LATE = fileURLToPath(new URL('../support/late-backend.js', import.meta.url));

const count = (text: string, pattern: RegExp): number => [...text.matchAll(new RegExp(pattern, 'g'))].length;

describe('what comes after Jitsu has given up root', function () {
  this.timeout(60_000);

  before(function () {
    requireRoot(this);
  });

  it('is a program that is started as whom, and with what, the configuration says', async () => {
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o711);
    const environmentFile = folder.in('secrets');
    writeFileSync(environmentFile, 'SECRET=known', { mode: 0o600 });
    const [later, barred] = [folder.in('later'), folder.in('barred')];
    const other = { user: 65_534, groups: [65_533], environmentFile };
    const unikernels = [
      aUnikernel('user', [], {
        ...other,
        node: folder.in('later', 'node'),
        ready: ['tcp:8080', 'exec:test -O /proc/self'],
      }),
      aUnikernel('path', [], { node: 'late-node', env: `PATH=${later}:${barred}` }),
      aUnikernel('folder', [], { cwd: folder.in('barred', 'later') }),
      aUnikernel('secret', [], { environmentFile: folder.in('later', 'secrets') }),
      aUnikernel('barred', [], { node: folder.in('barred', 'node') }),
    ];
    await using jitsu = new RunningJitsu(unikernels, { privileges: { user: USER } });
    jitsu.letOthersWrite();
    await jitsu.start();
    for (const { name } of unikernels) {
      const { failure } = await jitsu.status(name as string);
      assert.equal(failure?.code, 'JITSU_UNIKERNEL_UNAVAILABLE', name as string);
    }
    mkdirSync(folder.in('barred'), { mode: 0o700 });
    mkdirSync(folder.in('barred', 'later'));
    symlinkSync(process.execPath, folder.in('barred', 'node'));
    symlinkSync(process.execPath, folder.in('barred', 'late-node'));
    mkdirSync(later, { mode: 0o711 });
    symlinkSync(process.execPath, folder.in('later', 'node'));
    writeFileSync(folder.in('later', 'secrets'), 'SECRET=known', { mode: 0o600 });
    for (const { name } of unikernels) {
      const pid = await eventually(() => jitsu.visit(`${name as string}.test`), 30_000);
      const [thread] = threadsOf(pid);
      const [user, groups] = name === 'user' ? [65_534, [65_533]] : [0, thread?.groups];
      assert.deepEqual([thread?.uids, thread?.groups], [Array(4).fill(user), groups], name as string);
      const variables = readFileSync(`/proc/${pid}/environ`, 'latin1');
      assert.equal(variables.includes('SECRET=known'), name === 'user' || name === 'secret');
      await jitsu.control.stop(name as string);
    }
  });

  it('is a machine whose probe runs commands, and one that its backend takes its time for, which it is asked for once', async () => {
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o711);
    const ids = [1, 2].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);
    const unikernels = ['late', 'slow'].map((name, index) => ({
      ...{ name, dns: `${name}.test`, ip: '127.0.0.1', backend: 'late', id: ids[index] },
      ready: `exec:sh -c 'test "$JITSU_NAME $JITSU_ID" = "${name} ${ids[index]}"'`,
      ...(name === 'late' ? { after: folder.in('there') } : { takes: 4_000 }),
    }));
    await using jitsu = new RunningJitsu(unikernels, { privileges: { user: USER }, plugins: [LATE], backend: 'late' });
    await jitsu.start();
    writeFileSync(folder.in('there'), '');
    for (const name of ['late', 'slow']) {
      await eventually(async () => assert.equal((await jitsu.ask(`${name}.test`)).rcode, 'NOERROR', jitsu.log), 30_000);
    }
    assert.equal(count(jitsu.log, /ASKED for slow/), 1);
    assert.doesNotMatch(jitsu.log, /given up root, and/);
  });

  it('is told once and left alone where it cannot be had without root', async () => {
    const unikernel = {
      ...{ name: 'needy', dns: 'needy.test', ip: '127.0.0.1', backend: 'late', spawns: true, takes: 2_500 },
      id: '00000000-0000-4000-8000-000000000003',
    };
    await using jitsu = new RunningJitsu([unikernel], { privileges: { user: USER }, plugins: [LATE], backend: 'late' });
    await jitsu.start();
    const failure = await eventually(async () => {
      const { failure } = await jitsu.status('needy');
      assert.ok(failure);
      return failure;
    }, 10_000);
    const { code, reason, count: times, retryAt } = failure;
    assert.deepEqual([code, times, retryAt], ['JITSU_ROOT_GIVEN_UP', 1, undefined]);
    assert.match(reason, /given up root.*Restart Jitsu\./);
    await assert.rejects(jitsu.control.summon('needy'), { code: 'JITSU_ROOT_GIVEN_UP' });
    assert.equal((await jitsu.ask('needy.test')).rcode, 'SERVFAIL');
    // The pause after which it would be tried again.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.equal(count(jitsu.log, /ASKED for needy/), 1);
    assert.equal(count(jitsu.log, /cannot give needy any more/), 1);
    assert.doesNotMatch(jitsu.log, /tried again/);
    assert.equal((await jitsu.status('needy')).failure?.retryAt, undefined);
  });
});
