import { nameOf, type SentError, type TestEvent, type TestOutcome, type TestPath } from './test-event.js';

interface Waiting {
  readonly resolve: (outcome: TestOutcome) => void;
  readonly reject: (error: Error) => void;
}

interface HookFailure {
  readonly suite: string;
  readonly error: Error;
}

/** What a run of mocha elsewhere has told so far, and a way to wait for the rest. */
export class TestResults {
  readonly #outcomes = new Map<string, TestOutcome>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #hookFailures: HookFailure[] = [];
  readonly #asked = new Set<string>();
  /** The errors that a test, or who waits for one, was given. */
  readonly #said = new Set<Error>();
  #end: Error | undefined;
  #running: string | undefined;
  #isComplete = false;

  /** Whether the run has come to its end. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** What goes on, in words. */
  get progress(): string {
    return this.#running === undefined ? `after ${this.#outcomes.size} tests` : `in the test "${this.#running}"`;
  }

  add(event: TestEvent): void {
    switch (event.event) {
      case 'test began':
        this.#running = nameOf(event.test);
        break;
      case 'test ended':
        this.#running = undefined;
        this.#outcomes.set(nameOf(event.test), event.outcome);
        this.#waiting.get(nameOf(event.test))?.resolve(event.outcome);
        this.#waiting.delete(nameOf(event.test));
        break;
      case 'hook failed':
        this.#running = undefined;
        this.#hookFailures.push({ suite: nameOf(event.suite), error: errorOf(event.error, event.hook) });
        break;
      case 'run began':
        break;
      case 'run ended':
        this.#isComplete = true;
        this.end(new Error('It was not run: no suite has a test of this name there.'));
        break;
    }
  }

  /** No more will be told. Who waits for a test is given this error, or that of a hook before it. */
  end(error: Error): void {
    this.#end ??= error;
    for (const [test, { reject }] of this.#waiting) reject(this.#whyNot(test, this.#end));
    this.#waiting.clear();
  }

  /** Whether all of these have ended. */
  hasAll(tests: readonly TestPath[]): boolean {
    return tests.every((test) => this.#outcomes.has(nameOf(test)));
  }

  /** Resolves when the test has ended; rejects where it did not run. */
  async of(test: TestPath): Promise<TestOutcome> {
    const name = nameOf(test);
    this.#asked.add(name);
    const outcome = this.#outcomes.get(name);
    if (outcome !== undefined) return outcome;
    if (this.#end !== undefined) throw this.#whyNot(name, this.#end);
    return await new Promise((resolve, reject) => this.#waiting.set(name, { resolve, reject }));
  }

  /**
   * The failures that no test had to tell of: of hooks after the tests, of tests that nobody asked for, and of a run
   * that did not come to its end.
   */
  unsaid(): readonly Error[] {
    const tests = [...this.#outcomes].filter(([name]) => !this.#asked.has(name));
    return [
      ...this.#hookFailures.map(({ error }) => error).filter((error) => !this.#said.has(error)),
      ...tests.flatMap(([name, outcome]) => (outcome.state === 'failed' ? [errorOf(outcome.error, name)] : [])),
      ...(this.#isComplete || this.#end === undefined || this.#said.has(this.#end) ? [] : [this.#end]),
    ];
  }

  #whyNot(test: string, otherwise: Error): Error {
    const failure = this.#hookFailures.find(({ suite }) => suite === '' || `${test} `.startsWith(`${suite} `));
    const error = failure?.error ?? otherwise;
    // Once is enough for what may be the tail of a log.
    if (this.#said.has(error)) return new Error(`It did not run: ${error.message.split('\n')[0] ?? ''}`);
    this.#said.add(error);
    return error;
  }
}

/** An error that was sent, as if it had been thrown here; `where` is put before its message. */
export function errorOf(sent: SentError, where?: string): Error {
  const { message, stack, ...more } = sent;
  const whole = where === undefined ? message : `${where}: ${message}`;
  const error = Object.assign(new Error(whole), more);
  error.stack = (stack ?? `${sent.name}: ${message}`).replace(message, () => whole);
  return error;
}
