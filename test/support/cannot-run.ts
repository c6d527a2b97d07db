import { appendFileSync } from 'node:fs';

/** A suite that could not run, as a line of JSON in the file that `JITSU_TEST_SKIPS` names. */
interface SkippedSuite {
  readonly suite: string;
  readonly reason: string;
}

/**
 * Skips the rest of a suite (called in a `before` hook) or a test, and tells `npm test` why.
 *
 * This is the only way to skip: the runner counts a test that is skipped without a reason as failed. With
 * `JITSU_TEST_REQUIRE=all` nothing is skipped, and the reason is the failure.
 *
 * @param context absent outside of mocha, where the reason is thrown
 */
export function cannotRun(context: Mocha.Context | undefined, reason: string): never {
  if (context === undefined) throw new Error(reason);
  if (process.env['JITSU_TEST_REQUIRE'] === 'all') {
    throw new Error(`Cannot run here, and JITSU_TEST_REQUIRE=all allows no exception: ${reason}`);
  }
  const skips = process.env['JITSU_TEST_SKIPS'];
  if (skips !== undefined) {
    const skipped: SkippedSuite = { suite: titleOf(context), reason };
    appendFileSync(skips, `${JSON.stringify(skipped)}\n`);
  }
  return context.skip();
}

/** Of the suite where a hook calls, of the test where a test does. */
function titleOf({ test }: Mocha.Context): string {
  const isHook = test !== undefined && 'type' in test && test.type === 'hook';
  return (isHook ? test.parent?.fullTitle() : test?.fullTitle()) ?? '';
}
