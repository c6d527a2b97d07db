import assert from 'node:assert/strict';
import { ReadyLease } from '#core/lifecycle/ready-lease.js';
import { ReadyLeases } from '#core/lifecycle/ready-leases.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { aQuery, Life } from '../../support/life.js';

const NAME = 'www.example.org';

const ready = (name: string): Unikernel => {
  const unikernel = aUnikernel({ name });
  unikernel.ready = true;
  return unikernel;
};

describe('the lease of what is ready', () => {
  it('ends at once when the first of its unikernels is no longer ready, and only then', () => {
    const [one, two] = [ready('one'), ready('two')];
    const lease = new ReadyLease([one, two], [], new ManualClock());
    const seen: boolean[] = [];
    lease.onEnd(() => seen.push(lease.holds));
    one.ready = true;
    assert.equal(lease.holds, true);
    two.ready = false;
    assert.deepEqual([lease.holds, seen], [false, [false]]);
    one.ready = false;
    lease.onEnd(() => seen.push(true));
    assert.deepEqual(seen, [false]);
  });

  it('counts its uses for every name concerned, at the time when they are told', () => {
    const clock = new ManualClock(7_000);
    const [one, two] = [ready('one'), ready('two')];
    const counters = [one, two].map((unikernel) => unikernel.counters.get(NAME)!);
    new ReadyLease([one, two], counters, clock).used(12);
    for (const { requests, lastAsked } of counters) assert.deepEqual([requests, lastAsked], [12, 7_000]);
  });

  it('is the same one for as long as it holds, and leaves nothing behind on those that stay ready', () => {
    const clock = new ManualClock();
    const leases = new ReadyLeases(clock);
    const [stays, falls] = [ready('stays'), ready('falls')];
    let listening = 0;
    const watch = stays.onUnready.bind(stays);
    stays.onUnready = (listener) => {
      const handle = watch(listener);
      listening += 1;
      return { [Symbol.dispose]: () => (handle[Symbol.dispose](), (listening -= 1)) };
    };
    for (let round = 0; round < 10; round += 1) {
      const both = [stays, falls];
      const lease = leases.of('A', NAME, both, both);
      assert.equal(lease?.holds, true);
      assert.equal(leases.of('A', NAME, both, both), lease);
      falls.ready = false;
      assert.equal(leases.of('A', NAME, both, both), undefined);
      falls.ready = true;
    }
    assert.equal(listening, 0);
  });

  for (const [what, happens] of [
    ['a stop by command', (life: Life, web: Unikernel) => life.stopper.stop(web, 'by command')],
    ['a death', (life: Life, web: Unikernel) => life.backend.hypervisor.change(web.plan.id, 'off')],
    ['a pause', (life: Life, web: Unikernel) => life.backend.hypervisor.change(web.plan.id, 'paused')],
    ['a look that finds it gone', (_life: Life, web: Unikernel) => web.learn({ state: 'unknown' })],
  ] as const) {
    it(`ends with ${what}, before anybody can ask again`, async () => {
      using life = new Life();
      const [web] = await life.with({ name: 'web' });
      await life.summoner.summon(web!, aQuery);
      const lease = new ReadyLease([web!], [], life.clock);
      void happens(life, web!);
      assert.equal(lease.holds, false);
      await life.clock.advance(0);
    });
  }
});
