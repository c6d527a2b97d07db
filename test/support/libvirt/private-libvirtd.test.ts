import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { requireTool } from '../require-tool.js';
import { isRunning } from '../running-jitsu.js';
import { PrivateLibvirtd, type DefinedGuest } from './private-libvirtd.js';

const run = promisify(execFile);

describe("a libvirtd of one's own", function () {
  this.timeout(120_000);
  const open: PrivateLibvirtd[] = [];
  let libvirtd: PrivateLibvirtd;
  let guest: DefinedGuest;
  let deaf: DefinedGuest;

  const create = async (context: Mocha.Context): Promise<PrivateLibvirtd> => {
    const created = await PrivateLibvirtd.create(context);
    open.push(created);
    await created.start();
    return created;
  };

  const untilTheseRun = async (...names: string[]): Promise<void> => {
    while ((await libvirtd.domains()).toSorted().join() !== names.join()) continue;
  };

  before(async function () {
    libvirtd = await create(this);
    guest = await libvirtd.define('guest');
    deaf = await libvirtd.define('deaf', { deaf: true });
    await libvirtd.virsh('start', 'guest');
    await libvirtd.virsh('start', 'deaf');
    await libvirtd.untilServing(deaf);
    await libvirtd.untilServing(guest);
  });

  after(async () => {
    for (const each of open) await each[Symbol.asyncDispose]();
  });

  it('has guests that tell of themselves', async () => {
    const page = await libvirtd.pageOf(guest);
    const other = await libvirtd.pageOf(deaf);
    assert.ok(page.uptime > 0 && page.uptime < 60, String(page.uptime));
    assert.match(page.bootId, /^[\da-f-]{36}$/);
    assert.notEqual(page.bootId, other.bootId);
    assert.equal(await libvirtd.virsh('domuuid', 'guest'), guest.uuid);
    assert.match(await libvirtd.virsh('domiflist', 'guest'), new RegExp(`br0 .*${guest.mac}`));
    assert.match(await libvirtd.console('guest'), /^serving at /m);
  });

  it('runs each guest in one process', async () => {
    const [pid, ...more] = await libvirtd.qemuPids('guest');
    assert.ok(pid !== undefined && isRunning(pid));
    assert.deepEqual(more, []);
    assert.deepEqual(await libvirtd.qemuPids('gues'), []);
  });

  it('lets nobody change anything through its read-only socket', async () => {
    const readOnly = ['--connect', libvirtd.readOnlyUri];
    assert.equal(await libvirtd.virsh(...readOnly, 'domstate', 'guest'), 'running');
    await assert.rejects(libvirtd.virsh(...readOnly, 'destroy', 'guest'), /read only/);
  });

  it('answers nothing while it is frozen, and its guests do', async () => {
    let isAnswered = false;
    libvirtd.freeze();
    const domains = libvirtd.domains().finally(() => (isAnswered = true));
    await libvirtd.pageOf(guest);
    await libvirtd.pageOf(deaf);
    assert.equal(isAnswered, false);
    libvirtd.thaw();
    assert.equal((await domains).length, 2);
  });

  it('finds the guests that ran on when it was killed', async () => {
    const { bootId } = await libvirtd.pageOf(guest);
    await libvirtd.kill();
    await assert.rejects(libvirtd.domains(), /Failed to connect/);
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);
    await libvirtd.start();
    assert.deepEqual((await libvirtd.domains()).toSorted(), ['deaf', 'guest']);
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);
  });

  it('can be killed while it is frozen', async () => {
    libvirtd.freeze();
    await libvirtd.kill();
    await libvirtd.start();
    assert.equal((await libvirtd.domains()).length, 2);
  });

  it('powers a guest off through its power button, unless that is deaf', async () => {
    await libvirtd.virsh('shutdown', 'deaf');
    await libvirtd.virsh('shutdown', 'guest');
    await untilTheseRun('deaf');
    await libvirtd.pageOf(deaf);
    assert.equal(await libvirtd.virsh('domstate', 'deaf'), 'running');
  });

  it('has guests that serve late, and such as crash before', async () => {
    const slow = await libvirtd.define('slow', { slow: 3 });
    await libvirtd.define('crash', { crash: true });
    await libvirtd.virsh('start', 'crash');
    await libvirtd.virsh('start', 'slow');
    assert.ok((await libvirtd.untilServing(slow)).uptime > 3);
    await untilTheseRun('deaf', 'slow');
    assert.equal(await libvirtd.virsh('domstate', '--reason', 'crash'), 'shut off (crashed)');
    assert.match(await libvirtd.console('crash'), /Kernel panic/);
  });

  it('knows nothing of another one, and is not disturbed when that goes with all it has', async function () {
    const other = await create(this);
    assert.deepEqual(await other.domains(), []);
    await other.define('another');
    await other.virsh('start', 'another');
    assert.ok(!(await libvirtd.virsh('list', '--all', '--name')).includes('another'));
    assert.deepEqual(await libvirtd.qemuPids('another'), []);
    const pids = (await other.namespace.run('ip', 'netns', 'pids', other.namespace.name))
      .trim()
      .split('\n')
      .map(Number);
    assert.ok(pids.filter(isRunning).length >= 2, 'libvirtd and QEMU run');
    await other[Symbol.asyncDispose]();
    assert.deepEqual(pids.filter(isRunning), []);
    assert.ok(!existsSync(other.folder) && !existsSync(`/run/netns/${other.namespace.name}`));
    await libvirtd.pageOf(deaf);
  });

  it('removes what a killed test run has left', async function () {
    const ip = requireTool(this, 'ip');
    const noProcess = 4_194_305;
    const name = `jitsu-test-${String(noProcess)}-1-${String(randomInt(2 ** 31))}`;
    const folder = join(tmpdir(), name);
    await run(ip, ['netns', 'add', name]);
    mkdirSync(folder);
    const left = spawn(ip, ['netns', 'exec', name, 'sh', '-c', `while :; do date >${folder}/date; done`]);
    const ended = once(left, 'exit');
    while (!existsSync(join(folder, 'date'))) await setImmediate();
    open.push(await PrivateLibvirtd.create(this));
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.ok(!existsSync(folder) && !existsSync(`/run/netns/${name}`));
  });
});
