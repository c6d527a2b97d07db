import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Runner, type Hook, type Test } from 'mocha';
import { nameOf, type SentError, type TestEvent, type TestOutcome, type TestPath } from './test-event.js';

const { EVENT_RUN_BEGIN, EVENT_RUN_END, EVENT_TEST_BEGIN, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } =
  Runner.constants;

/** Tells what happens in a run of mocha, as it happens. */
export function reportEvents(runner: Runner, tell: (event: TestEvent) => void): void {
  const ended = (test: Test, outcome: TestOutcome): void =>
    tell({ event: 'test ended', test: test.titlePath(), file: test.file ?? '', outcome });
  runner.once(EVENT_RUN_BEGIN, () => tell({ event: 'run began' }));
  runner.on(EVENT_TEST_BEGIN, (test) => tell({ event: 'test began', test: test.titlePath() }));
  runner.on(EVENT_TEST_PASS, (test) => ended(test, { state: 'passed', duration: test.duration ?? 0 }));
  runner.on(EVENT_TEST_PENDING, (test) => ended(test, skippedOutcome(test.titlePath())));
  runner.on(EVENT_TEST_FAIL, (failed: Test | Hook, thrown: unknown) => {
    const error = sent(thrown);
    if (failed.type === 'hook') {
      tell({ event: 'hook failed', suite: failed.parent?.titlePath() ?? [], hook: failed.title, error });
    } else {
      ended(failed as Test, { state: 'failed', duration: failed.duration ?? 0, error });
    }
  });
  runner.once(EVENT_RUN_END, () => tell({ event: 'run ended' }));
}

/** With the reason that cannot-run.ts has written for it, or for a suite that it is in. */
function skippedOutcome(test: TestPath): TestOutcome {
  const reason = writtenReasons().findLast(({ suite }) => `${nameOf(test)} `.startsWith(`${suite} `))?.reason;
  return { state: 'skipped', ...(reason === undefined ? {} : { reason }) };
}

function writtenReasons(): readonly { suite: string; reason: string }[] {
  try {
    const lines = readFileSync(process.env['JITSU_TEST_SKIPS'] ?? '', 'utf8')
      .trim()
      .split('\n');
    return lines.map((line) => JSON.parse(line) as { suite: string; reason: string });
  } catch {
    return [];
  }
}

function sent(thrown: unknown): SentError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: inspect(thrown) };
  const { name, message, stack, cause } = thrown;
  const { code, actual, expected } = thrown as { code?: unknown; actual?: unknown; expected?: unknown };
  const whole = cause === undefined ? stack : `${stack ?? message}\n  [cause]: ${inspect(cause)}`;
  return {
    name,
    message,
    ...(whole === undefined ? {} : { stack: whole }),
    ...(typeof code === 'string' ? { code } : {}),
    ...('actual' in thrown && 'expected' in thrown ? { actual: print(actual), expected: print(expected) } : {}),
  };
}

function print(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { depth: 10, sorted: true, breakLength: 80 });
}
