/** An error of a test, as far as it can be sent. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  /** What an assertion compared, printed. */
  readonly actual?: string;
  readonly expected?: string;
}

/** What came of a test; `duration` in milliseconds. */
export type TestOutcome =
  | { readonly state: 'passed'; readonly duration: number }
  | { readonly state: 'failed'; readonly duration: number; readonly error: SentError }
  | { readonly state: 'skipped'; readonly reason?: string };

/** A test: the titles of its suites, and its own. */
export type TestPath = readonly string[];

/** What a run of mocha elsewhere tells of itself, as a line of JSON each. */
export type TestEvent =
  | { readonly event: 'run began' }
  | { readonly event: 'test began'; readonly test: TestPath }
  | { readonly event: 'test ended'; readonly test: TestPath; readonly file: string; readonly outcome: TestOutcome }
  | { readonly event: 'hook failed'; readonly suite: TestPath; readonly hook: string; readonly error: SentError }
  | { readonly event: 'run ended' };

/** One name for a test, of all its titles. */
export function nameOf(test: TestPath): string {
  return test.join(' ');
}
