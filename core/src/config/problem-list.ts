import { errorCode, errorMessage } from '../errors.js';
import { ConfigProblems, type ConfigProblem } from './config-problems.js';
import { givenValue } from './given-value.js';

/** Gathers what is wrong, so that all of it can be said in one go. */
export class ProblemList {
  readonly #problems: ConfigProblem[] = [];

  /** @param labels what to call a path instead, where a flag has set it: `dns.ttl` → `--ttl` */
  constructor(private readonly labels: ReadonlyMap<string, string> = new Map()) {}

  add(...problems: readonly ConfigProblem[]): void {
    for (const problem of problems) {
      // A flag that fills a list: `dns.forwarders[0]` is `--forwarder`.
      const path = this.labels.get(problem.path.replace(/\[\d+\]$/, '')) ?? problem.path;
      this.#problems.push({ ...problem, path });
    }
  }

  /** Adds what went wrong with a value: a plugin that it names was not found, for one. */
  addError(path: string, value: unknown, error: unknown): void {
    const [given, code] = [givenValue(value), errorCode(error)];
    this.add({
      path,
      expected: errorMessage(error),
      ...(given !== undefined && { given }),
      ...(code !== undefined && { code }),
    });
  }

  /** @throws JITSU_CONFIG_INVALID when there is any */
  throwIfAny(source: string): void {
    if (this.#problems.length > 0) throw new ConfigProblems(source, this.#problems);
  }
}
