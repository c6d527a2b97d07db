import { fileURLToPath } from 'node:url';
import { defineTests } from '../../support/xen/define-tests.js';
import { testsIn } from '../../support/xen/listed-tests.js';
import { nameOf } from '../../support/xen/test-event.js';
import { isWanted } from '../../support/xen/wanted-tests.js';
import { XenRun } from '../../support/xen/xen-run.js';

const TITLE = 'on Xen, in a dom0 under QEMU,';
const tests = await testsIn(fileURLToPath(new URL('dom0', import.meta.url)));

describe(TITLE, function () {
  // The run has limits of its own, and says more than mocha when one has passed.
  this.timeout(0);
  let run: XenRun | undefined;

  before(async function () {
    const wanted = tests.filter(({ test }) => isWanted(`${TITLE} ${nameOf(test)}`));
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
