import { cannotRun } from '../cannot-run.js';
import type { ListedTest } from './listed-tests.js';
import type { TestOutcome, TestPath } from './test-event.js';
import { errorOf } from './test-results.js';

/**
 * Defines a test here for each that runs elsewhere, in suites of the same titles: it ends when that has ended, as it
 * has, and took as long.
 */
export function defineTests(tests: readonly ListedTest[], outcomeOf: (test: TestPath) => Promise<TestOutcome>): void {
  define(
    tests.map(({ test }) => test),
    0,
    outcomeOf,
  );
}

function define(tests: readonly TestPath[], depth: number, outcomeOf: (test: TestPath) => Promise<TestOutcome>): void {
  const isHere = (test: TestPath): boolean => test.length === depth + 1;
  for (const test of tests.filter(isHere)) {
    it(test.at(-1)!, async function () {
      take(this, await outcomeOf(test));
    });
  }
  const below = tests.filter((test) => !isHere(test));
  for (const suite of new Set(below.map((test) => test[depth]!))) {
    describe(suite, () => {
      define(
        below.filter((test) => test[depth] === suite),
        depth + 1,
        outcomeOf,
      );
    });
  }
}

function take(context: Mocha.Context, outcome: TestOutcome): void {
  if (outcome.state === 'skipped') {
    if (outcome.reason === undefined) context.skip();
    cannotRun(context, outcome.reason);
  }
  const { duration } = outcome;
  // Mocha writes what it has measured itself, which may be the time of others too.
  Object.defineProperty(context.test, 'duration', { get: () => duration, set: () => undefined, configurable: true });
  if (outcome.state === 'failed') throw errorOf(outcome.error);
}
