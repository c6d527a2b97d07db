import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import type { PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';

describe('a virtual machine that Jitsu defines', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());

  const memoryOf = async (name: string): Promise<string | undefined> =>
    /<memory unit='KiB'>(\d+)</.exec(await libvirtd.virsh('dumpxml', name))?.[1];

  it('boots when its name is asked for, though libvirt had never heard of it', async () => {
    const { name, xmlFile: xml, address, uuid } = await libvirtd.guest('fresh');
    await using jitsu = guestJitsu(libvirtd, [{ name, xml, address }]);
    await jitsu.start();
    assert.equal(await libvirtd.virsh('domuuid', name), uuid);
    assert.deepEqual((await jitsu.ask('fresh.test')).addresses, [address], jitsu.log);
    await libvirtd.pageOf({ address });
  });

  it('is defined once more when somebody has undefined it, and asked for', async () => {
    const { name, xmlFile: xml, address, uuid } = await libvirtd.guest('forgotten');
    await using jitsu = guestJitsu(libvirtd, [{ name, xml, address }]);
    await jitsu.start();
    await libvirtd.virsh('undefine', name);
    assert.deepEqual((await jitsu.ask('forgotten.test')).addresses, [address], jitsu.log);
    assert.equal(await libvirtd.virsh('domuuid', name), uuid);
  });

  it('is left as it is where libvirt has it, unless Jitsu is told to define it anew', async () => {
    const { name, xmlFile: xml, address } = await libvirtd.define('known');
    await writeFile(xml, (await readFile(xml, 'utf8')).replace("<memory unit='MiB'>96<", "<memory unit='MiB'>100<"));
    for (const { redefine, memory } of [
      { redefine: false, memory: 96 },
      { redefine: true, memory: 100 },
    ]) {
      await using jitsu = guestJitsu(libvirtd, [{ name, xml, redefine, address }]);
      await jitsu.start();
      assert.equal(await memoryOf(name), String(memory * 1024));
    }
  });

  it('runs on when it is defined anew, and is what it is told to be from its next start', async () => {
    const { name, xmlFile: xml, address } = await libvirtd.define('busy');
    await libvirtd.virsh('start', name);
    const { bootId } = await libvirtd.untilServing({ address });
    await writeFile(xml, (await readFile(xml, 'utf8')).replace("<memory unit='MiB'>96<", "<memory unit='MiB'>100<"));
    await using jitsu = guestJitsu(libvirtd, [{ name, xml, redefine: true, address }]);
    await jitsu.start();
    assert.deepEqual((await jitsu.ask('busy.test')).addresses, [address], jitsu.log);
    assert.equal((await libvirtd.pageOf({ address })).bootId, bootId);
    assert.equal(await memoryOf(name), String(96 * 1024));
    await jitsu.control.stop(name);
    assert.equal(await memoryOf(name), String(100 * 1024));
  });

  it('may go by another name than its domain, which its uuid tells', async () => {
    const { uuid, address } = await libvirtd.define('inner');
    await using jitsu = guestJitsu(libvirtd, [{ name: 'outer', uuid, address }]);
    await jitsu.start();
    assert.equal((await jitsu.status('outer')).id, uuid);
    assert.deepEqual((await jitsu.ask('outer.test')).addresses, [address], jitsu.log);
    await libvirtd.pageOf({ address });
    assert.deepEqual(await libvirtd.domains(), ['inner']);
  });
});
