import assert from 'node:assert/strict';
import { errorCode, JitsuError, type JitsuErrorCode } from '../errors.js';

/** Asserts that the promise rejects with a `JitsuError` of this code and a non-empty message; returns the error. */
export async function rejectsWithCode(promise: Promise<unknown>, code: JitsuErrorCode): Promise<JitsuError> {
  const error = await promise.then(
    () => assert.fail(`resolved, where ${code} was expected`),
    (reason: unknown) => reason,
  );
  assert.equal(errorCode(error), code, `rejected with ${String(error)}, where ${code} was expected`);
  assert.ok(error instanceof JitsuError, `${code} must be a JitsuError`);
  assert.notEqual(error.message.trim(), '', `${code} must say what happened`);
  return error;
}
