import assert from 'node:assert/strict';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { deepFreeze } from './deep-freeze.js';

/** The input of a policy and the expected opinion; `opinion` is absent if it must have none. */
export interface StopPolicyExample {
  /** The test title, completing "the policy …". */
  readonly it: string;
  readonly activity: Activity;
  readonly now: Milliseconds;
  /** The expected opinion; for `stop`, a pattern of the reason. */
  readonly opinion?: Exclude<StopOpinion, { readonly stop: string }> | { readonly stop: RegExp };
}

/**
 * The harness of {@link describeStopPolicy}.
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
  /** Creates an instance, each time with the same options. */
  policy(): StopPolicy;
  readonly examples: readonly StopPolicyExample[];
}

/** Defines the mocha tests of the stop policy contract, with mocha's global `describe` and `it`. */
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

    it('wants to be asked again in the future, and says the same until then', () => {
      for (const { activity, now } of harness.examples) {
        const opinion = harness.policy().opinionOn(activity, now);
        const next = nextEvaluation(opinion);
        if (next === undefined) continue;
        assert.ok(next > now, `asked at ${now}, it wants to be asked again at ${next}`);
        if (next === Infinity) continue;
        assert.deepEqual(harness.policy().opinionOn(activity, now + (next - now) / 2), opinion);
        const later = nextEvaluation(harness.policy().opinionOn(activity, next));
        assert.ok(
          later === undefined || later > next,
          'asked at the time that it named, it wants to be asked at once again',
        );
      }
    });
  });
}

/** The time at which the policy has to be evaluated again for the same activity. */
function nextEvaluation(opinion: StopOpinion | undefined): Milliseconds | undefined {
  if (opinion === undefined || 'stop' in opinion) return undefined;
  return 'keepUntil' in opinion ? opinion.keepUntil : opinion.undecidedUntil;
}

function agrees(actual: StopOpinion | undefined, expected: StopPolicyExample['opinion']): void {
  if (expected === undefined || !('stop' in expected)) return assert.deepEqual(actual, expected);
  assert.ok(actual && 'stop' in actual, `it keeps the unikernel, where it must stop it: ${JSON.stringify(actual)}`);
  assert.match(actual.stop, expected.stop);
}

/** Runs a function and fails if it reads the wall clock. */
function withoutClock<T>(run: () => T): T {
  const { now } = Date;
  Date.now = () => assert.fail('a policy may look only at the time that it is given');
  try {
    return run();
  } finally {
    Date.now = now;
  }
}
