import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { MachineSweep } from '#process/machine-sweep.js';
import type { ProcessGroup } from '#process/process-group.js';

const INTERVAL = 80;

/** Groups that count how often they are looked at. */
class Sweep {
  readonly clock = new ManualClock();
  readonly groups = new Map<string, ProcessGroup>();
  readonly checks: number[] = [];
  readonly looks: number[] = [];
  readonly seen: string[] = [];
  readonly sweep = new MachineSweep(this.groups, this.clock, ({ id }, state) => {
    this.seen.push(`${id} ${state}`);
    this.onLook();
  });
  onLook: () => void = () => undefined;

  add(count: number, isTold: boolean): void {
    for (let added = 0; added < count; added += 1) {
      const index = this.groups.size;
      [this.checks[index], this.looks[index]] = [0, 0];
      const group = {
        ...{ id: String(index), isTold },
        check: () => void (this.checks[index] = (this.checks[index] ?? 0) + 1),
        look: () => {
          this.looks[index] = (this.looks[index] ?? 0) + 1;
          return 'running';
        },
      };
      this.groups.set(String(index), group as unknown as ProcessGroup);
    }
  }
}

describe('the sweep over running machines', () => {
  it('looks again later where the system does not let it look, and goes on with the others', async () => {
    const all = new Sweep();
    all.add(2, false);
    let refusals = 2;
    const [first] = all.groups.values();
    Object.assign(first as object, {
      look: () => {
        if (refusals-- > 0) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
        return 'running';
      },
    });
    all.sweep.attend();
    await all.clock.advance(INTERVAL);
    assert.deepEqual(all.seen, ['1 running']);
    await all.clock.advance(2 * INTERVAL);
    assert.ok(all.seen.includes('0 running'), all.seen.join());
  });

  it('sets no timer while there are none, or all ends are reported', () => {
    const { sweep, clock } = new Sweep();
    sweep.attend();
    assert.equal(clock.pending, 0);
    const told = new Sweep();
    told.add(2, true);
    told.sweep.attend();
    assert.equal(told.clock.pending, 0);
  });

  it('checks and looks at one whose end is not reported every 80 ms', async () => {
    const all = new Sweep();
    all.add(1, true);
    all.add(1, false);
    all.sweep.attend();
    all.sweep.attend();
    assert.equal(all.clock.pending, 1);
    await all.clock.advance(INTERVAL - 1);
    assert.deepEqual(all.checks, [0, 0]);
    await all.clock.advance(1);
    assert.deepEqual(
      [all.checks, all.looks],
      [
        [1, 1],
        [1, 1],
      ],
    );
    assert.deepEqual(all.seen, ['0 running', '1 running']);
    await all.clock.advance(INTERVAL);
    assert.deepEqual(
      [all.checks, all.looks],
      [
        [2, 2],
        [2, 2],
      ],
    );
    assert.equal(all.clock.pending, 1);
    all.sweep[Symbol.dispose]();
    assert.equal(all.clock.pending, 0);
  });

  it('checks all each time, and looks closely at eight of them, in turn', async () => {
    const all = new Sweep();
    all.add(20, false);
    all.sweep.attend();
    await all.clock.advance(INTERVAL);
    assert.deepEqual(all.looks, [...Array<number>(8).fill(1), ...Array<number>(12).fill(0)]);
    await all.clock.advance(2 * INTERVAL);
    assert.deepEqual(all.looks, [...Array<number>(4).fill(2), ...Array<number>(16).fill(1)]);
    assert.deepEqual(new Set(all.checks), new Set([3]));
    all.sweep[Symbol.dispose]();
  });

  for (const count of [1, 8, 9, 17]) {
    it(`looks at all of ${count} once where one of them has changed, and ends`, async () => {
      const all = new Sweep();
      all.add(count, true);
      all.sweep.lookAtAll();
      const sweeps = Math.ceil(count / 8);
      await all.clock.advance(sweeps * INTERVAL - 1);
      assert.equal(all.clock.pending, 1);
      await all.clock.advance(1);
      assert.equal(all.clock.pending, 0);
      assert.ok(all.looks.every((looks) => looks >= 1));
    });
  }

  it('survives that machines go while it looks at them', async () => {
    const all = new Sweep();
    all.add(3, false);
    all.onLook = () => all.groups.clear();
    all.sweep.attend();
    await all.clock.advance(INTERVAL);
    assert.deepEqual(all.seen, ['0 running']);
    assert.equal(all.clock.pending, 0);
    all.add(1, false);
    all.sweep.attend();
    await all.clock.advance(INTERVAL);
    assert.deepEqual(all.seen, ['0 running', '0 running']);
  });
});
