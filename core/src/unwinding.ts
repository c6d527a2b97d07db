/** What must be undone, in the reverse order of its doing, also when only a part of it was done. */
export class Unwinding {
  readonly #steps: (() => void | Promise<void>)[] = [];

  /** Something has been opened; this closes it. */
  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Takes every step, also after one has failed; rejects with the first failure, the others as its `cause`. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'Several things could not be closed in order.');
  }
}
