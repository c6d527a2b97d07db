import assert from 'node:assert/strict';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { deepFreeze } from './deep-freeze.js';

/** What a policy is asked, and what it must say; `opinion` is absent where it must have none. */
export interface StopPolicyExample {
  /** To end the sentence "the policy …". */
  readonly it: string;
  readonly activity: Activity;
  readonly now: Milliseconds;
  /** For `stop`, a pattern of the reason. */
  readonly opinion?: { readonly keepUntil: Milliseconds } | { readonly stop: RegExp };
}

/**
 * What {@link describeStopPolicy} must know of a policy.
 *
 * @example
 * ```ts
 * describeStopPolicy('the curfew policy', {
 *   policy: () => new CurfewStopPolicy({ until: 22 }),
 *   examples: [{ it: 'keeps a unikernel until the curfew', activity, now: 0, opinion: { keepUntil: 79_200_000 } }],
 * });
 * ```
 */
export interface StopPolicyHarness {
  /** A new instance with the same options. */
  policy(): StopPolicy;
  readonly examples: readonly StopPolicyExample[];
}

/** Describes what every stop policy must do, as mocha tests. It uses mocha's global `describe` and `it`. */
export function describeStopPolicy(name: string, harness: StopPolicyHarness): void {
  describe(`${name} (stop policy contract)`, () => {
    for (const example of harness.examples) {
      it(example.it, () => agrees(harness.policy().opinionOn(example.activity, example.now), example.opinion));
    }

    it('has the same opinion on the same history: asked again, by another instance, at another time', () => {
      const policy = harness.policy();
      for (const { activity, now } of harness.examples) {
        const frozen = deepFreeze(structuredClone(activity));
        const opinion = policy.opinionOn(frozen, now);
        assert.deepEqual(policy.opinionOn(frozen, now), opinion);
        assert.deepEqual(harness.policy().opinionOn(frozen, now), opinion);
        assert.deepEqual(
          withoutClock(() => policy.opinionOn(frozen, now)),
          opinion,
        );
      }
    });

    it('wants to be asked again in the future, and no earlier than it must be', () => {
      for (const { activity, now } of harness.examples) {
        const opinion = harness.policy().opinionOn(activity, now);
        if (opinion === undefined || !('keepUntil' in opinion)) continue;
        const { keepUntil } = opinion;
        assert.ok(keepUntil > now, `asked at ${now}, it wants to be asked again at ${keepUntil}`);
        if (keepUntil === Infinity) continue;
        const between = harness.policy().opinionOn(activity, now + (keepUntil - now) / 2);
        assert.ok(between && 'keepUntil' in between, 'it must keep what it said it would keep');
        const later = harness.policy().opinionOn(activity, keepUntil);
        assert.ok(
          !(later && 'keepUntil' in later) || later.keepUntil > keepUntil,
          'it must not be asked for ever at one time',
        );
      }
    });
  });
}

function agrees(actual: StopOpinion | undefined, expected: StopPolicyExample['opinion']): void {
  if (expected === undefined || 'keepUntil' in expected) return assert.deepEqual(actual, expected);
  assert.ok(actual && 'stop' in actual, `it keeps the unikernel, where it must stop it: ${JSON.stringify(actual)}`);
  assert.match(actual.stop, expected.stop);
}

/** Runs something that must not look at the wall clock. */
function withoutClock<T>(run: () => T): T {
  const { now } = Date;
  Date.now = () => assert.fail('a policy may look only at the time that it is given');
  try {
    return run();
  } finally {
    Date.now = now;
  }
}
