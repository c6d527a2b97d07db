import assert from 'node:assert/strict';
import { ReadyLeases } from '#core/lifecycle/ready-leases.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { aUnikernel, type StagedUnikernel } from '../../support/dns-unikernel.js';
import { Life } from '../../support/life.js';

const NAME = 'www.example.org';

const ready = (name: string): StagedUnikernel => {
  const unikernel = aUnikernel({ name });
  unikernel.ready = true;
  return unikernel;
};

describe('the lease of what is ready', () => {
  it('ends at once when the first of its unikernels is no longer ready, and only then', () => {
    const both = [ready('one'), ready('two')];
    const [one, two] = both;
    const lease = new ReadyLeases(() => undefined).of('A', NAME, both, both)!;
    const seen: boolean[] = [];
    lease.onEnd(() => seen.push(lease.holds));
    one!.ready = true;
    assert.equal(lease.holds, true);
    two!.ready = false;
    assert.deepEqual([lease.holds, seen], [false, [false]]);
    one!.ready = false;
    lease.onEnd(() => seen.push(true));
    assert.deepEqual(seen, [false]);
  });

  it('counts its uses for every name concerned, at the time when they are told', async () => {
    using life = new Life();
    const both = await life.with({ name: 'one', names: [NAME] }, { name: 'two', names: [NAME] });
    for (const unikernel of both) await life.summon(unikernel);
    const lease = life.lifecycle.lease('A', NAME, both, both);
    await life.clock.advance(7_000);
    lease?.used?.(12);
    for (const { counters } of both) {
      const { requests, lastAsked } = counters.get(NAME)!;
      assert.deepEqual([requests, lastAsked], [12, life.clock.now()]);
    }
  });

  it('is the same one for as long as it holds, and leaves nothing behind on those that stay ready', () => {
    const leases = new ReadyLeases(() => undefined);
    const [stays, falls] = [ready('stays'), ready('falls')];
    for (let round = 0; round < 10; round += 1) {
      const both = [stays, falls];
      const lease = leases.of('A', NAME, both, both);
      assert.equal(lease?.holds, true);
      assert.equal(leases.of('A', NAME, both, both), lease);
      assert.equal(stays.relying?.size, 1);
      falls.ready = false;
      assert.equal(leases.of('A', NAME, both, both), undefined);
      falls.ready = true;
    }
    assert.equal(stays.relying?.size, 0);
  });

  it('asks all that are named to be ready, and those that may yet get such an address', () => {
    const counted: string[] = [];
    const leases = new ReadyLeases(({ name }, dnsName, times) => counted.push(`${name} ${dnsName} ${times}`));
    const [named, seeking, other] = [ready('named'), aUnikernel({ addresses: [], findsAddresses: true }), aUnikernel()];
    assert.equal(leases.of('A', NAME, [named, other], [named, other]), undefined);
    assert.equal(leases.of('A', NAME, [named], [named, seeking]), undefined);
    const lease = leases.of('A', NAME, [named], [named, other]);
    assert.equal(lease?.holds, true);
    assert.notEqual(leases.of('AAAA', NAME, [named], [named]), lease, 'another answer has a lease of its own');
    seeking.ready = true;
    const both = leases.of('B', NAME, [named], [named, seeking]);
    both?.used?.(2);
    assert.deepEqual(counted, [`named ${NAME} 2`]);
    seeking.ready = false;
    assert.deepEqual([lease?.holds, both?.holds], [true, false]);
  });

  for (const [what, happens] of [
    ['a stop by command', (life: Life, web: Unikernel) => life.stop(web)],
    ['a death', (life: Life, web: Unikernel) => life.backend.hypervisor.change(web.plan.id, 'off')],
    ['a pause', (life: Life, web: Unikernel) => life.backend.hypervisor.change(web.plan.id, 'paused')],
    ['the loss of its backend', (life: Life) => life.backend.hypervisor.lose()],
  ] as const) {
    it(`ends with ${what}, before anybody can ask again`, async () => {
      using life = new Life();
      const [web] = await life.with({ name: 'web' });
      await life.summon(web!);
      const lease = life.lease(web!);
      void happens(life, web!);
      assert.equal(lease.holds, false);
      await life.clock.advance(0);
    });
  }

  it('ends with a look that finds it gone, where the backend cannot be watched', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const lease = life.lease(web!);
    const seen: string[] = [];
    lease.onEnd(() => seen.push(...life.story().slice(-1)));
    life.backend.kill(web!.plan.id);
    await life.clock.advance(1_000);
    assert.deepEqual([lease.holds, seen, life.story().slice(-1)], [false, ['ready'], ['died']]);
  });
});
