import { PrivateLibvirtd } from './private-libvirtd.js';

describe("a libvirtd of one's own", () => {
  let libvirtd: PrivateLibvirtd;
  before(async function () {
    this.timeout(300_000);
    console.time('create');
    libvirtd = await PrivateLibvirtd.create(this);
    console.timeEnd('create');
    console.time('start');
    await libvirtd.start();
    console.timeEnd('start');
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());
  it('boots', async function () {
    this.timeout(60_000);
    const guest = await libvirtd.define('one');
    for (let i = 0; i < 3; i++) {
      console.time('boot');
      await libvirtd.virsh('start', 'one');
      console.timeLog('boot', 'started');
      console.log(await libvirtd.untilServing(guest));
      console.timeEnd('boot');
      console.log((await libvirtd.console('one')).slice(-100));
      console.log(await libvirtd.qemuPids('one'));
      console.time('off');
      await libvirtd.virsh('shutdown', 'one');
      while ((await libvirtd.domains()).length > 0) continue;
      console.timeEnd('off');
    }
  });
});
