import type { Milliseconds } from '../contracts/milliseconds.js';

/** The part that the harnesses of all suites have in common. */
export interface Harness {
  /** Called before each test. */
  setUp?(): Promise<void> | void;
  /** Called after each test, passed or failed. */
  tearDown?(): Promise<void> | void;
  /** The timeout of expected effects in milliseconds; 10,000 by default. */
  readonly patience?: Milliseconds;
}

/**
 * Sets the harness up before each test and tears it down after it.
 *
 * @param open called after `setUp`
 * @param close called before `tearDown`, which also follows its failure
 */
export function useHarness(harness: Harness, open?: () => Promise<void>, close?: () => Promise<void>): void {
  beforeEach(async () => {
    await harness.setUp?.();
    await open?.();
  });

  afterEach(async () => {
    try {
      await close?.();
    } finally {
      await harness.tearDown?.();
    }
  });
}
