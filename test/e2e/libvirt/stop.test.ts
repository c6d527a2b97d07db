import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import type { DefinedGuest, PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';

describe('a virtual machine of libvirt that Jitsu stops', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());

  const stateOf = ({ name }: DefinedGuest): Promise<string> => libvirtd.virsh('domstate', '--reason', name);
  const isSaved = async ({ name }: DefinedGuest): Promise<boolean> =>
    /^Managed save: +yes$/m.test(await libvirtd.virsh('dominfo', name));

  for (const { name, mode, deaf, grace, how, state } of [
    { name: 'obedient', mode: 'shutdown', deaf: false, grace: 60, how: 'by shutdown', state: 'shut off (shutdown)' },
    {
      ...{ name: 'deaf', mode: 'shutdown', deaf: true, grace: 1, state: 'shut off (destroyed)' },
      how: 'by shutdown, which its guest ignores for longer than the grace time,',
    },
  ]) {
    it(`${how} is off, and boots anew when it is asked for`, async () => {
      const guest = await libvirtd.define(name, { deaf });
      await using jitsu = guestJitsu(libvirtd, [{ ...guest, mode, grace }]);
      await jitsu.start();
      await jitsu.ask(`${name}.test`);
      const before = await libvirtd.pageOf(guest);
      assert.equal((await jitsu.control.stop(name)).state, 'off');
      assert.equal(await stateOf(guest), state);
      assert.equal(await isSaved(guest), false);
      assert.deepEqual(await libvirtd.qemuPids(name), []);

      assert.deepEqual((await jitsu.ask(`${name}.test`)).addresses, [guest.address], jitsu.log);
      assert.notEqual((await libvirtd.pageOf(guest)).bootId, before.bootId);
      assert.equal((await jitsu.status(name)).totalStarts, 2);
    });
  }

  for (const { name, mode, power, state, saved, processes } of [
    { name: 'paused', mode: 'suspend', power: 'paused', state: 'paused (user)', saved: false, processes: 1 },
    { name: 'saved', mode: 'managedsave', power: 'off', state: 'shut off (saved)', saved: true, processes: 0 },
  ]) {
    it(`by ${mode} serves nobody, and goes on where it was when it is asked for`, async () => {
      const guest = await libvirtd.define(name);
      await using jitsu = guestJitsu(libvirtd, [{ ...guest, mode }]);
      await jitsu.start();
      await jitsu.ask(`${name}.test`);
      const began = performance.now();
      const before = await libvirtd.pageOf(guest);
      assert.equal((await jitsu.control.stop(name)).state, power);
      const stopped = performance.now();
      assert.equal(await stateOf(guest), state);
      assert.equal(await isSaved(guest), saved);
      assert.equal((await libvirtd.qemuPids(name)).length, processes);
      await assert.rejects(libvirtd.pageOf(guest), /aborted|EHOSTUNREACH/);
      const stoppedFor = performance.now() - stopped;

      assert.deepEqual((await jitsu.ask(`${name}.test`)).addresses, [guest.address], jitsu.log);
      const after = await libvirtd.pageOf(guest);
      const ranFor = performance.now() - began - stoppedFor;
      assert.equal(after.bootId, before.bootId);
      assert.equal(await isSaved(guest), false);
      const aged = (after.uptime - before.uptime) * 1_000;
      assert.ok(aged > 0 && aged < ranFor + stoppedFor / 2, `its clock stood still: ${aged} ms of ${ranFor} ms`);
    });
  }

  for (const { name, mode, deaf, isAnotherBoot } of [
    { name: 'stubborn', mode: 'shutdown', deaf: true, isAnotherBoot: true },
    { name: 'half-saved', mode: 'managedsave', deaf: false, isAnotherBoot: false },
  ]) {
    it(`by ${mode} is brought back at once when it is asked for in the middle of that`, async () => {
      const guest = await libvirtd.define(name, { deaf });
      await using jitsu = guestJitsu(libvirtd, [{ ...guest, mode, grace: 2 }]);
      await jitsu.start();
      await jitsu.ask(`${name}.test`);
      const { bootId } = await libvirtd.pageOf(guest);
      const stopped = jitsu.control.stop(name);
      await eventually(async () => {
        const kinds = (await jitsu.control.history({ unikernel: name })).map(({ kind }) => kind);
        assert.ok(kinds.includes('stopping'));
      });
      const [{ addresses }] = await Promise.all([jitsu.ask(`${name}.test`), stopped]);
      assert.deepEqual(addresses, [guest.address], jitsu.log);
      assert.equal((await libvirtd.pageOf(guest)).bootId !== bootId, isAnotherBoot);
    });
  }
});
