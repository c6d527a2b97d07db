import type { TestPath } from './test-event.js';

/** What is to be run elsewhere. */
export interface TestRequest {
  /** Of compiled suites, from the root of the workspace. */
  readonly files: readonly string[];
  /** Only these of their tests are run. */
  readonly tests: readonly TestPath[];
  readonly environment: Readonly<Record<string, string>>;
}
