import assert from 'node:assert/strict';
import { NameTable } from '#core/dns/resolvers/name-table.js';
import { aFleet } from '../../support/fleet.js';

describe('the fleet', () => {
  it('says which name was most likely meant by one that nobody has', async () => {
    const fleet = await aFleet([{ name: 'hello', backend: 'near', machine: 'one', names: ['www.jitsu.test'] }]);
    await fleet.register();
    for (const [name, advice] of [
      ['helo', " Did you mean 'hello'?"],
      ['ww.jitsu.test', " Did you mean 'www.jitsu.test'?"],
      ['something-else', ''],
    ] as const) {
      assert.throws(() => fleet.find(name), {
        code: 'JITSU_UNIKERNEL_UNKNOWN',
        message: `No unikernel is called ${name}.${advice} \`jitsu status\` lists them all.`,
      });
    }
  });

  it('takes machines that have the same id on different connections for different ones', async () => {
    const fleet = await aFleet([
      { name: 'a', backend: 'near', machine: 'one' },
      { name: 'b', backend: 'far', machine: 'one' },
    ]);
    await fleet.register();
    assert.deepEqual([...fleet.unikernels.keys()], ['a', 'b']);
  });

  it('finds a unikernel by its name, by a DNS name however it is written, and by its id', async () => {
    const fleet = await aFleet([
      { name: 'a', backend: 'near', machine: 'one', names: ['www.a.test', 'shared.test'] },
      { name: 'b', backend: 'near', machine: 'two', names: ['shared.test', '*.w.test'] },
    ]);
    await fleet.register();
    const [a, b] = [...fleet.unikernels.values()];
    fleet.knowBy(new NameTable([a!, b!]));
    assert.equal(fleet.find('b'), b);
    assert.equal(fleet.find('WWW.A.test.'), a);
    assert.equal(fleet.find('shared.test'), a);
    assert.equal(fleet.find(b!.plan.id.toUpperCase()), b);
    for (const nobodys of ['c.test', 'test', 'x.w.test', '..']) {
      assert.throws(() => fleet.find(nobodys), { code: 'JITSU_UNIKERNEL_UNKNOWN' });
    }
    assert.equal(fleet.find('*.w.test'), b);
  });
});
