import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { childrenOf } from '../../../../support/process-status.js';
import { optionsOf } from '../../../../support/libxl/libxl-host.js';
import { libxlProcesses } from '../../../../support/libxl/libxl-processes.js';
import { threadsOf } from '../../../../support/process-status.js';
import { RunningJitsu } from '../../../../support/running-jitsu.js';
import { Dom0 } from '../../../../support/xen/dom0.js';

/** Has no name on any machine. */
const USER = 4_000_001;
/** In seconds: twice as long after the last query a guest is stopped. */
const TTL = 3;
const IDLE = 'idle-of-root';
const SLEEPER = 'sleeper-of-root';

describe('Jitsu on libxl, which has given up root,', function () {
  this.timeout(300_000);
  let dom0: Dom0;
  let jitsu: RunningJitsu;

  before(async function () {
    dom0 = await Dom0.open(this);
    const [idle, sleeper] = [dom0.guest(IDLE, { kernel: 'idle' }), dom0.guest(SLEEPER)];
    const unikernels = [
      { ...optionsOf(idle), dns: 'idle.test', ip: idle.address, responseDelay: 0 },
      { ...optionsOf(sleeper), dns: 'sleeper.test', ip: sleeper.address, ready: 'tcp:80', mode: 'suspend' },
    ];
    const settings = { backend: 'libxl', privileges: { user: USER }, dns: { ttl: TTL }, boot: { deadline: '2m' } };
    jitsu = new RunningJitsu(unikernels, settings);
  });

  after(async () => {
    await jitsu[Symbol.asyncDispose]();
    await dom0[Symbol.asyncDispose]();
  });

  /** The process that has stayed root. */
  const keeper = (): number =>
    childrenOf(jitsu.pid).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sealed-host-program')) ??
    assert.fail(jitsu.log);

  it('has a process that stays root', async () => {
    await jitsu.start();
    await dom0.until(
      async () => (await jitsu.report()).runsAs?.gaveUpRoot,
      () => jitsu.log,
    );
    assert.ok(threadsOf(jitsu.pid).every(({ uids }) => uids.every((uid) => uid === USER)));
    assert.deepEqual(threadsOf(keeper())[0]?.uids, [0, 0, 0, 0]);
  });

  it('boots a guest by a query, and stops it', async () => {
    const { rcode } = await jitsu.ask('idle.test');
    assert.equal(rcode, 'NOERROR', jitsu.log);
    assert.ok((await dom0.domains()).some(({ name }) => name === IDLE));
    await dom0.untilGone(dom0.guest(IDLE));
  });

  it('has libxl started again as root when that dies', async () => {
    const [libxl] = libxlProcesses(keeper());
    process.kill(libxl!, 'SIGKILL');
    await dom0.until(
      async () => libxlProcesses(keeper()).find((pid) => pid !== libxl),
      () => jitsu.log,
    );
    assert.equal((await jitsu.ask('idle.test')).rcode, 'NOERROR', jitsu.log);
    assert.deepEqual(threadsOf(libxlProcesses(keeper())[0]!)[0]?.uids, [0, 0, 0, 0]);
    await dom0.untilGone(dom0.guest(IDLE));
  });

  it('has the memory of a guest saved and restored', async () => {
    const guest = dom0.guest(SLEEPER);
    assert.equal((await jitsu.ask('sleeper.test')).rcode, 'NOERROR', jitsu.log);
    const { bootId } = await dom0.untilServing(guest);
    await dom0.until(
      async () => ((await jitsu.status(SLEEPER)).state === 'suspended' ? true : undefined),
      () => jitsu.log,
    );
    assert.equal((await jitsu.ask('sleeper.test')).rcode, 'NOERROR', jitsu.log);
    assert.equal((await dom0.untilServing(guest)).bootId, bootId, jitsu.log);
  });
});
