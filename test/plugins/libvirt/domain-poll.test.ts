import assert from 'node:assert/strict';
import { ManualClock } from '@jitsud/core/testing';
import { pollDomains } from '#libvirt/domain-poll.js';

describe('domains of a hypervisor that tells of no events', () => {
  it('are looked at once a second, first after a second', async () => {
    const clock = new ManualClock();
    const looks: number[] = [];
    const begin = clock.now();
    using _poll = pollDomains(clock, async () => void looks.push(clock.now() - begin));
    assert.deepEqual(looks, []);
    await clock.advance(999);
    assert.deepEqual(looks, []);
    await clock.advance(2_001);
    assert.deepEqual(looks, [1_000, 2_000, 3_000]);
  });

  it('are not looked at while the last look still goes on', async () => {
    const clock = new ManualClock();
    let looks = 0;
    let endLook = (): void => undefined;
    using _poll = pollDomains(clock, () => {
      looks += 1;
      return new Promise((resolve) => (endLook = resolve));
    });
    await clock.advance(5_000);
    assert.equal(looks, 1);
    endLook();
    await clock.advance(999);
    assert.equal(looks, 1);
    await clock.advance(1);
    assert.equal(looks, 2);
  });

  it('are left alone once nobody wants that any more', async () => {
    const clock = new ManualClock();
    let looks = 0;
    const poll = pollDomains(clock, async () => void (looks += 1));
    await clock.advance(1_000);
    poll[Symbol.dispose]();
    assert.equal(clock.pending, 0);
    await clock.advance(10_000);
    assert.equal(looks, 1);
  });

  it('are left alone after a look during which nobody wanted that any more', async () => {
    const clock = new ManualClock();
    let endLook = (): void => undefined;
    const poll = pollDomains(clock, () => new Promise((resolve) => (endLook = resolve)));
    await clock.advance(1_000);
    poll[Symbol.dispose]();
    endLook();
    await clock.advance(10_000);
    assert.equal(clock.pending, 0);
  });
});
