import assert from 'node:assert/strict';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

describe('thirty virtual machines that are asked for at once', function () {
  this.timeout(60_000);

  it('are all summoned, each once', async function () {
    using driver = TestDriver.open(this);
    const names = Array.from({ length: 30 }, (_, index) => `many${index}`);
    const unikernels = names.map((name, index) => ({
      ...{ name, dns: `${name}.test`, ip: `192.0.2.${index}`, xml: driver.xmlFile(name) },
    }));
    await using jitsu = new RunningJitsu(unikernels, {
      backend: 'libvirt',
      backends: { libvirt: { connect: driver.uri } },
      boot: { delay: 0 },
    });
    await jitsu.start();
    const replies = await Promise.all(names.flatMap((name) => [jitsu.ask(`${name}.test`), jitsu.ask(`${name}.test`)]));
    assert.deepEqual(
      replies.map(({ addresses }) => addresses[0]),
      names.flatMap((_, index) => [`192.0.2.${index}`, `192.0.2.${index}`]),
    );
    const { unikernels: all } = await jitsu.report();
    assert.ok(all.every(({ state, totalStarts }) => state === 'running' && totalStarts === 1));
  });
});
