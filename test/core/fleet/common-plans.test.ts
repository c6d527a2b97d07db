import assert from 'node:assert/strict';
import { CommonPlans, type CommonPlan } from '#core/fleet/common-plans.js';
import type { UnikernelSettings } from '#core/config/settings.js';

const NONE: readonly never[] = [];

const plain = {
  ...{ name: 'a', names: ['a.test'], addresses: ['192.0.2.1'], options: { command: 'a' } },
  ...{
    backend: 'process',
    ttl: 60_000,
    stopMode: 'destroy',
    replace: 'idle',
    delay: 0,
    deadline: 30_000,
    grace: 10_000,
  },
  ...{ watch: undefined, awake: undefined, keepWhile: undefined, answersAtOnce: false, wakesOn: 'query' },
  ...{ ports: NONE, relays: NONE, useRules: { idle: 900_000, outgoing: false, conntrack: false, ignored: NONE } },
  ...{ ready: NONE, stopPolicies: NONE, https: NONE, svcb: NONE, addedKeys: {} },
} satisfies UnikernelSettings;

/** The plan of unikernels with records, which nothing else tells apart. */
function plansByRecords(): CommonPlans {
  return new CommonPlans(({ https, svcb }) => ({ https, svcb }) as CommonPlan);
}

describe('the plans that unikernels have in common', () => {
  it('are one for those that differ in what is their own', () => {
    const plans = plansByRecords();
    const other = { ...plain, name: 'b', names: ['b.test'], addresses: ['192.0.2.2'], options: { command: 'b' } };
    assert.equal(plans.of(other), plans.of(plain));
  });

  for (const key of ['https', 'svcb'] as const) {
    it(`are different ones for those that differ in ${key} alone`, () => {
      const plans = plansByRecords();
      const [one, other] = [Uint8Array.of(0, 1, 0), Uint8Array.of(0, 2, 0)];
      const settings = [plain, { ...plain, [key]: [one] }, { ...plain, [key]: [other] }];
      const made = settings.map((each) => plans.of(each));
      assert.equal(new Set(made).size, 3);
      assert.deepEqual(
        made.map((plan) => plan[key]),
        [[], [one], [other]],
      );
      assert.deepEqual(
        settings.map((each) => plans.of(each)),
        made,
      );
    });
  }

  for (const [key, value] of Object.entries({
    ...{ backend: 'libvirt', ttl: 1, stopMode: 'suspend', replace: 'now', delay: 1, deadline: 1, grace: 1, watch: 1 },
    ...{ ready: [], stopPolicies: [], relays: [] },
  })) {
    it(`are different ones for those that differ in ${key}`, () => {
      const plans = plansByRecords();
      assert.notEqual(plans.of({ ...plain, [key]: value }), plans.of(plain));
    });
  }

  it('are right, too, where there are more of them than are remembered', () => {
    const plans = new CommonPlans(({ ttl }) => ({ ttl }) as CommonPlan);
    for (const ttl of [...Array(100).keys(), ...Array(100).keys()]) assert.equal(plans.of({ ...plain, ttl }).ttl, ttl);
  });
});
