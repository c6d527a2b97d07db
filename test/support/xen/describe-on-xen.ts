import { defineTests } from './define-tests.js';
import { testsIn } from './listed-tests.js';
import { nameOf } from './test-event.js';
import { isWanted } from './wanted-tests.js';
import { XenRun } from './xen-run.js';

/**
 * A suite of all tests in these folders, which run in dom0 of a machine of its own, one after the other. Two machines
 * take half the time of one, as each has one processor.
 */
export async function describeOnXen(title: string, ...folders: readonly string[]): Promise<void> {
  const tests = (await Promise.all(folders.map(testsIn))).flat();
  describe(title, function () {
    // The run has limits of its own, and says more than mocha when one has passed.
    this.timeout(0);
    let run: XenRun | undefined;

    before(async function () {
      const wanted = tests.filter(({ test }) => isWanted(`${title} ${nameOf(test)}`));
      const required = process.env['JITSU_TEST_REQUIRE'];
      run = await XenRun.start(this, {
        files: [...new Set(wanted.map(({ file }) => file))],
        tests: wanted.map(({ test }) => test),
        environment: required === undefined ? {} : { JITSU_TEST_REQUIRE: required },
      });
    });

    after(async () => {
      await run?.[Symbol.asyncDispose]();
    });

    defineTests(tests, async (test) => await run!.outcomeOf(test));
  });
}
