import assert from 'node:assert/strict';
import { TestResults } from './test-results.js';

const ERROR = {
  name: 'AssertionError',
  message: 'no',
  stack: 'AssertionError: no\n    at there',
  code: 'ERR_ASSERTION',
};
const passed = (...test: string[]) =>
  ({ event: 'test ended', test, file: 'x', outcome: { state: 'passed', duration: 7 } }) as const;
const hookFailed = (hook: string, ...suite: string[]) => ({ event: 'hook failed', suite, hook, error: ERROR }) as const;

describe('the results of a run elsewhere', () => {
  it('come to who waits for them, and to who asks later', async () => {
    const results = new TestResults();
    const waiting = results.of(['a suite', 'a test']);
    results.add(passed('a suite', 'a test'));
    assert.deepEqual(await waiting, { state: 'passed', duration: 7 });
    assert.deepEqual(await results.of(['a suite', 'a test']), { state: 'passed', duration: 7 });
    assert.equal(results.hasAll([['a suite', 'a test']]), true);
  });

  it('say that a test did not run because of a hook before it, and of which one', async () => {
    const results = new TestResults();
    const waiting = results.of(['a suite', 'a test']);
    results.add(hookFailed('"before all" hook', 'a suite'));
    results.add({ event: 'run ended' });
    const message = '"before all" hook: no';
    await assert.rejects(waiting, {
      message,
      code: 'ERR_ASSERTION',
      stack: `AssertionError: ${message}\n    at there`,
    });
    await assert.rejects(results.of(['another suite', 'a test']), /has a test of this name/);
    assert.deepEqual(results.unsaid(), []);
  });

  it('keep the failure of a hook after all tests until somebody asks what was not said', async () => {
    const results = new TestResults();
    results.add(passed('a suite', 'a test'));
    results.add(hookFailed('"after all" hook', 'a suite'));
    results.add({ event: 'run ended' });
    await results.of(['a suite', 'a test']);
    assert.deepEqual(
      results.unsaid().map(({ message }) => message),
      ['"after all" hook: no'],
    );
  });

  it('fail who waits when the run breaks off, once', async () => {
    const results = new TestResults();
    const waiting = results.of(['a suite', 'a test']);
    results.add({ event: 'test began', test: ['a suite', 'a test'] });
    assert.equal(results.progress, 'in the test "a suite a test"');
    results.end(new Error('broken off'));
    await assert.rejects(waiting, /broken off/);
    await assert.rejects(results.of(['a suite', 'another test']), { message: 'It did not run: broken off' });
    assert.deepEqual(results.unsaid(), []);
  });

  it('do not let a run break off unnoticed after its last test', async () => {
    const results = new TestResults();
    results.add(passed('a suite', 'a test'));
    await results.of(['a suite', 'a test']);
    results.end(new Error('broken off'));
    assert.deepEqual(
      results.unsaid().map(({ message }) => message),
      ['broken off'],
    );
  });
});
