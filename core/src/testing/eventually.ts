import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Milliseconds } from '../contracts/milliseconds.js';

/** How long the suites wait for an expected effect. */
export const PATIENCE: Milliseconds = 10_000;

/** How long the suites watch for an effect that must not occur. */
export const GLANCE: Milliseconds = 60;

/**
 * Repeats `check` until it no longer throws, in real time, since the suites wait for effects outside of them. Rejects
 * with the last error when the time is over.
 */
export async function eventually<T>(check: () => T | Promise<T>, patience: Milliseconds = PATIENCE): Promise<T> {
  const end = performance.now() + patience;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= end) throw error;
    }
    await sleep(5);
  }
}

/** Whether the promise is still unsettled after `glance` ms. The caller still has to handle its rejection. */
export async function isPending(promise: Promise<unknown>, glance: Milliseconds = GLANCE): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  );
  return Promise.race([settled, sleep(glance, true)]);
}

/** Settles as the promise does; rejects if it does not settle within `patience` ms. */
export async function inTime<T>(promise: Promise<T>, complaint: string, patience: Milliseconds = PATIENCE): Promise<T> {
  const enough = new AbortController();
  const late = sleep(patience, undefined, { signal: enough.signal }).then(() => assert.fail(complaint));
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    enough.abort();
  }
}
