import assert from 'node:assert/strict';
import { JitsuError, type JitsuErrorCode } from '#core/errors.js';

/** Asserts that the promise rejects with a `JitsuError` of this code, and hands it back. */
export async function rejectsWithCode(promise: Promise<unknown>, code: JitsuErrorCode): Promise<JitsuError> {
  const error: unknown = await promise.then(
    () => assert.fail(`resolved, where ${code} was expected`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof JitsuError, `${String(error)}, where ${code} was expected`);
  assert.equal(error.code, code, error.message);
  return error;
}
