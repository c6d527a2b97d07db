import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { TestDriver } from '../support/libvirt/test-driver.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { within } from '../support/place.js';
import { requireRoot } from '../support/require-tool.js';
import { RunningJitsu } from '../support/running-jitsu.js';

describe('a process whose port another program has', () => {
  it('is not started, nor taken for ready: the answer names who has the port, until that is free', async function () {
    this.timeout(30_000);
    const web = RunningJitsu.aUnikernel('web');
    const other = createServer((socket) => socket.destroy()).listen(8080, web['ip'] as string);
    try {
      await once(other, 'listening');
      await using jitsu = new RunningJitsu([web], { boot: { firstBackOff: '1s' } });
      await jitsu.start();
      const refused = await jitsu.ask('web.test');
      assert.equal(refused.rcode, 'SERVFAIL');
      assert.match(refused.extendedErrors.join(), /web is not started: .+ answers at 127\.[\d.]+:8080 already/);
      assert.deepEqual(jitsu.runs(), []);
      other.close();
      await once(other, 'close');
      assert.equal((await jitsu.control.summon('web')).state, 'running');
      assert.equal(jitsu.runs().length, 1);
    } finally {
      other.close();
    }
  });

  it('is warned of where that came after its start, once; its own children may have it', async function () {
    this.timeout(30_000);
    const deaf = RunningJitsu.aUnikernel('deaf', ['deaf']);
    const forked = RunningJitsu.aUnikernel('forked', ['worker']);
    const other = createServer((socket) => socket.destroy());
    try {
      await using jitsu = new RunningJitsu([deaf, forked], { privileges: 'none' });
      await jitsu.start();
      const asked = jitsu.ask('deaf.test');
      await eventually(() => assert.equal(jitsu.runs().length, 1));
      other.listen(8080, deaf['ip'] as string);
      assert.equal((await asked).rcode, 'NOERROR');
      await jitsu.visit('forked.test');
      const warning = new RegExp(
        `\\(process ${process.pid}\\) listens at 127\\.[\\d.]+:8080, and is none of the processes`,
      );
      await eventually(() => assert.match(jitsu.log, warning), 5_000);
      await jitsu.control.stop('forked');
      await jitsu.visit('forked.test');
      await sleep(1_500);
      assert.equal(jitsu.log.match(/is none of the processes of/g)?.length, 1, jitsu.log);
    } finally {
      other.close();
    }
  });

  it('is warned of by a Jitsu that has given up root, too, where another user has the port', async function () {
    this.timeout(30_000);
    requireRoot(this);
    const web = RunningJitsu.aUnikernel('web', ['deaf']);
    const listens = `require('net').createServer().listen(8080, '${String(web['ip'])}')`;
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    const asked = jitsu.ask('web.test');
    await eventually(() => assert.equal(jitsu.runs().length, 1));
    const stranger = spawn(process.execPath, ['-e', listens], { uid: 65_532, gid: 65_532, stdio: 'inherit', cwd: '/' });
    try {
      assert.equal((await asked).rcode, 'NOERROR');
      const warning = /a program of the user with the number 65532 listens at .* is none of the processes of web/;
      await eventually(() => assert.match(jitsu.log, warning), 5_000);
    } finally {
      stranger.kill();
    }
  });
});

describe('a virtual machine at whose address another machine answers', function () {
  this.timeout(60_000);

  it('is started all the same, with a warning', async function () {
    TestDriver.open(this)[Symbol.dispose]();
    await using machine = await NetworkNamespace.create(this);
    await using other = await NetworkNamespace.create(this);
    await machine.run('ip', 'link', 'add', 'out', 'type', 'veth', 'peer', 'name', 'in', 'netns', other.name);
    await other.run('ip', 'address', 'add', '10.98.0.2/16', 'dev', 'in');
    await other.run('ip', 'link', 'set', 'in', 'up');
    await machine.run('ip', 'address', 'add', '10.98.0.1/16', 'dev', 'out');
    await machine.run('ip', 'link', 'set', 'out', 'up');
    const listens = "require('net').createServer().listen(8080, '10.98.0.2', () => console.log('listens'))";
    const stranger = other.spawn(process.execPath, ['-e', listens], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(stranger.stdout!, 'data');

    const guest = { name: 'test', dns: 'guest.test', ip: '10.98.0.2', backend: 'libvirt', ready: 'tcp:8080' };
    const backends = { libvirt: { connect: 'test:///default' } };
    await using jitsu = new RunningJitsu([guest], { backends }, within(machine));
    await jitsu.start();
    // On a busy machine what has answered may be noticed too late to count: then it is at another start.
    await eventually(async () => {
      await jitsu.control.stop('test');
      assert.equal((await jitsu.ask('guest.test')).rcode, 'NOERROR');
      assert.match(jitsu.log, /WARN.*Something answered at 10\.98\.0\.2:8080 before test was started\./i);
    }, 30_000);

    // Nobody answers there: the start neither waits, nor is there anything to tell.
    stranger.kill();
    await once(stranger, 'exit');
    await jitsu.control.stop('test');
    const asked = jitsu.ask('guest.test');
    await eventually(async () => assert.equal((await jitsu.status('test')).state, 'running'), 5_000);
    assert.equal(jitsu.log.match(/Something answered/g)?.length, 1);
    await jitsu.control.stop('test');
    await asked;
  });
});
