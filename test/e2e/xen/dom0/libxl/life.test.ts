import assert from 'node:assert/strict';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import type { PowerChange } from '#core/contracts/backend.js';
import type { BootConfigurator } from '#core/contracts/boot-configurator.js';
import { libxlOptions } from '#libxl/libxl-options.js';
import { libxlProcesses } from '../../../../support/libxl/libxl-processes.js';
import { LibxlHost, optionsOf } from '../../../../support/libxl/libxl-host.js';
import { LoopDevice } from '../../../../support/xen/loop-device.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import type { XenGuest } from '../../../../support/xen/xen-guest.js';
import type { MachinesById } from '../../../../support/machines-by-id.js';

const PATIENCE = 60_000;
/** Their numbers in xenstore, and the XenbusState of a device that both sides use. */
const XVDA_AND_XVDB = ['51712', '51728'];
const CONNECTED = '4';

describe('a guest of libxl', function () {
  this.timeout(180_000);
  let dom0: Dom0;
  let host: LibxlHost;
  let backend: MachinesById;
  // As long as it is open, libxl's process is there, and need not be started for each test.
  let open: MachinesById;
  let changes: PowerChange[];

  before(async function () {
    dom0 = await Dom0.open(this);
    host = new LibxlHost();
    open = host.machines();
    await open.connect();
  });

  beforeEach(async () => {
    backend = host.machines();
    await backend.connect();
    changes = [];
    backend.watch((change) => changes.push(change));
  });

  afterEach(async () => {
    await backend.close();
    await dom0.removeGuests();
    host.forgetSavedMemory();
  });

  after(async () => {
    await open.close();
    await dom0[Symbol.asyncDispose]();
    host[Symbol.dispose]();
  });

  const register = async (guest: XenGuest, more: object = {}): Promise<string> =>
    backend.register({ name: guest.name, options: libxlOptions.parse({ ...optionsOf(guest), ...more }) });

  const useConfigurator = async (configurator: BootConfigurator): Promise<void> => {
    await backend.close();
    backend = host.machines([configurator]);
    await backend.connect();
  };

  /** What is told of it from now on is about this start: a machine that is registered is told to be off. */
  const start = async (id: string): Promise<void> => {
    changes.length = 0;
    await backend.start(id);
  };

  const untilState = async (state: string): Promise<PowerChange> =>
    dom0.until(
      async () => changes.findLast((change) => change.state === state),
      () => `no change to ${state} was told, only ${JSON.stringify(changes)}`,
    );

  const stop = (id: string, mode: string): Promise<void> => backend.stop(id, mode, AbortSignal.timeout(PATIENCE));

  it('is reported as off, with the reason, when its kernel crashes, and nothing of it stays', async () => {
    const guest = dom0.guest('crashing', { crash: true });
    const id = await register(guest);
    await start(id);
    const { detail } = await untilState('off');
    assert.equal(detail, 'its guest crashed');
    await dom0.untilGone(guest);
    // xl misses it a moment before libxl has ended.
    const reason = await dom0.until(
      async () => {
        const now = await backend.describe(id);
        return now.state === 'off' ? now.detail : undefined;
      },
      () => 'it is not off',
    );
    assert.equal(reason, 'its guest crashed');
  });

  it('goes on where xl has paused it', async () => {
    const guest = dom0.guest('paused', { kernel: 'idle' });
    const id = await register(guest);
    await backend.start(id);
    await dom0.xl('pause', guest.name);
    assert.equal((await backend.describe(id)).state, 'paused');
    await backend.unpause(id);
    assert.equal((await backend.describe(id)).state, 'running');
  });

  it('keeps its uptime in saved memory, which is gone once it runs again', async () => {
    const guest = dom0.guest('sleeping');
    const id = await register(guest);
    await backend.start(id);
    const before = await dom0.untilServing(guest);
    await stop(id, 'suspend');
    assert.ok(host.hasSavedMemory(id));
    assert.deepEqual(await dom0.domains(), []);
    await backend.resume(id);
    assert.equal(host.hasSavedMemory(id), false);
    const after = await dom0.untilServing(guest);
    assert.equal(after.bootId, before.bootId, 'it was booted anew');
    assert.ok(after.uptime > before.uptime);
  });

  it('is booted anew where its configuration has changed since its memory was saved', async () => {
    const guest = dom0.guest('changed');
    const id = await register(guest);
    await backend.start(id);
    const before = await dom0.untilServing(guest);
    await stop(id, 'suspend');
    await register(guest, { memory: `${guest.memory + 8}MiB` });
    const { state, detail = '' } = await backend.describe(id);
    assert.equal(state, 'off');
    assert.match(detail, /saved memory is of no use, because its configuration or its kernel has changed/);
    await backend.start(id);
    assert.equal(host.hasSavedMemory(id), false);
    assert.notEqual((await dom0.untilServing(guest)).bootId, before.bootId);
  });

  it('comes back when it reboots itself', async () => {
    const guest = dom0.guest('rebooting');
    const id = await register(guest);
    await start(id);
    const before = await dom0.untilServing(guest);
    await dom0.xl('reboot', guest.name);
    assert.equal((await untilState('off')).detail, 'its guest rebooted');
    await dom0.until(
      async () => (changes.at(-1)?.state === 'running' ? true : undefined),
      () => 'it does not run again',
    );
    assert.notEqual((await dom0.untilServing(guest)).bootId, before.bootId);
  });

  it('has no other process of libxl for another connection, which goes with the last one', async () => {
    const id = await register(dom0.guest('shared', { kernel: 'idle' }));
    const other = host.machines();
    await other.connect();
    assert.equal(libxlProcesses().length, 1);
    await open.close();
    await backend.close();
    await rejectsWithCode(backend.start(id), 'JITSU_BACKEND_UNREACHABLE');
    assert.equal(libxlProcesses().length, 1);
    await other.close();
    assert.deepEqual(libxlProcesses(), []);
    await open.connect();
  });

  it('is not left behind when it cannot be configured', async () => {
    const guest = dom0.guest('unconfigured', { kernel: 'idle' });
    await useConfigurator({ configure: () => Promise.reject(new Error('no such key')) });
    const id = await register(guest);
    const error = await rejectsWithCode(backend.start(id), 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /unconfigured.*no such key/);
    await dom0.untilGone(guest);
    assert.equal((await backend.describe(id)).state, 'off');
  });

  it('boots as PVH, with what is to be on its command line besides', async () => {
    const guest = dom0.guest('pvh', { type: 'pvh' });
    await useConfigurator({
      configure: () => Promise.resolve(),
      commandLine: ({ name }) => Promise.resolve(`jitsu.write=data/${name}`),
    });
    const id = await register(guest);
    await backend.start(id);
    await dom0.untilServing(guest);
    const { domainId } = await backend.describe(id);
    await dom0.until(
      () => dom0.readKey(`/local/domain/${domainId}/data/pvh`),
      () => 'it did not do what its command line said besides',
    );
    await stop(id, 'shutdown');
    assert.equal((await backend.describe(id)).state, 'off');
  });

  it('fails to boot with a clear error when the process of libxl is killed meanwhile; others run on', async () => {
    const standing = dom0.guest('standing');
    const falling = dom0.guest('falling');
    const standingId = await register(standing);
    const fallingId = await register(falling);
    await backend.start(standingId);
    const before = await dom0.untilServing(standing);
    const started = backend.start(fallingId);
    const refused = rejectsWithCode(started, 'JITSU_BACKEND_FAILED');
    await dom0.until(
      async () => ((await dom0.domains()).some(({ name }) => name === falling.name) ? true : undefined),
      () => 'it is not being made',
    );
    const [pid] = libxlProcesses();
    process.kill(pid!, 'SIGKILL');
    assert.match((await refused).message, /falling.*SIGKILL/);
    await dom0.untilGone(falling);
    assert.equal((await backend.describe(fallingId)).state, 'off');
    assert.equal((await backend.describe(standingId)).state, 'running');
    assert.equal((await dom0.pageOf(standing)).bootId, before.bootId);
    await backend.start(fallingId);
    assert.equal((await backend.describe(fallingId)).state, 'running');
    assert.notEqual(libxlProcesses()[0], pid);
  });

  it('is one of ten that are started at once', async () => {
    const guests = Array.from({ length: 10 }, (_, index) => dom0.guest(`ten-${index}`, { kernel: 'idle' }));
    const ids = await Promise.all(guests.map((guest) => register(guest, { nic: guest.bridge, script: guest.script })));
    const began = performance.now();
    await Promise.all(ids.map((id) => backend.start(id)));
    const started = performance.now();
    assert.equal((await dom0.domains()).length, 10);
    await Promise.all(ids.map((id) => stop(id, 'destroy')));
    console.log(`ten started in ${ms(began, started)}, ended in ${ms(started, performance.now())}`);
    assert.deepEqual(await dom0.domains(), []);
  });

  it('has its disks, and a script for each network interface', async () => {
    await using first = await LoopDevice.open(dom0);
    await using second = await LoopDevice.open(dom0);
    const guest = dom0.guest('equipped', { modules: ['xen-blkfront'] });
    const scripts = ['first', 'second'].map((name) => dom0.script(name));
    const id = await register(guest, {
      nic: [guest.bridge, guest.bridge],
      script: scripts,
      disk: [`${first.path}@xvda`, `${second.path}@xvdb`],
    });
    await backend.start(id);
    await dom0.untilServing(guest);
    const { domainId, macs } = await backend.describe(id);
    assert.equal(new Set(macs).size, 2);
    for (const [index, script] of scripts.entries()) {
      const key = (name: string) => dom0.readKey(`/libxl/${domainId}/device/vif/${index}/${name}`);
      assert.deepEqual([await key('script'), await key('mac')], [script, macs?.[index]]);
    }
    const backends = await dom0.run('xenstore-ls', `/local/domain/0/backend/vbd/${domainId}`);
    assert.equal(backends.match(/hotplug-status = "connected"/g)?.length, 2, backends);
    for (const { path } of [first, second]) assert.ok(backends.includes(`params = "${path}"`), backends);
    // Its own side has found each disk, and how large it is.
    for (const disk of XVDA_AND_XVDB) {
      await dom0.until(
        async () =>
          (await dom0.readKey(`/local/domain/${domainId}/device/vbd/${disk}/state`)) === CONNECTED ? true : undefined,
        () => dom0.console(guest.name),
      );
    }
    await stop(id, 'destroy');
  });
});

const ms = (from: number, to: number): string => `${Math.round(to - from)} ms`;
