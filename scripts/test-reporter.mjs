import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

const { EVENT_HOOK_END, EVENT_TEST_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING, EVENT_TEST_RETRY } =
  Mocha.Runner.constants;
const { EVENT_RUN_END } = Mocha.Runner.constants;

/**
 * Mocha's spec reporter, which also writes what came out as JSON to the file that `JITSU_TEST_REPORT` names, with the
 * time that the tests and hooks of each file took.
 */
export default class TestReporter extends Mocha.reporters.Spec {
  static description = 'spec, and a JSON report for scripts/test.mjs';

  constructor(runner, options) {
    super(runner, options);
    const report = { passed: 0, failures: [], retried: [], pending: [], milliseconds: {} };
    const addTime = ({ file, duration = 0 }) => {
      if (file !== undefined) report.milliseconds[file] = (report.milliseconds[file] ?? 0) + duration;
    };
    runner.on(EVENT_TEST_END, addTime);
    runner.on(EVENT_HOOK_END, addTime);
    runner.on(EVENT_TEST_PASS, () => (report.passed += 1));
    runner.on(EVENT_TEST_FAIL, (test, error) => report.failures.push(inOneLine(test, error)));
    runner.on(EVENT_TEST_RETRY, (test, error) => report.retried.push(inOneLine(test, error)));
    runner.on(EVENT_TEST_PENDING, (test) => report.pending.push(test.fullTitle()));
    runner.once(EVENT_RUN_END, () => {
      if (process.env.JITSU_TEST_REPORT) writeFileSync(process.env.JITSU_TEST_REPORT, JSON.stringify(report));
    });
  }
}

function inOneLine(test, error) {
  const [reason] = String(error?.message ?? error).split('\n', 1);
  return `${test.fullTitle()}: ${reason}`;
}
