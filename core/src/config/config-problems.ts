import { errorCode, errorMessage, JitsuError } from '../errors.js';

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** Where: `unikernels[1].ip`, `--ttl`, or `"dns=a.test,ip=x" → ip`. */
  readonly path: string;
  /** What stands there, as it may be printed; absent where nothing does. */
  readonly given?: string;
  /** What should stand there instead, or what to do: whole sentences. */
  readonly expected: string;
  /** The code of the error behind it, where there is one: a plugin that was not found, say. */
  readonly code?: string;
}

/** JITSU_CONFIG_INVALID: everything that is wrong with the configuration, in one go. */
export class ConfigProblems extends JitsuError {
  /** @param source what was read: the file's path, or `the command line` */
  constructor(
    source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const count = problems.length === 1 ? 'a problem' : `${String(problems.length)} problems`;
    const lines = problems.map(({ path, given, expected }) => `  ${path}: ${given ?? 'missing'}. ${expected}`);
    super('JITSU_CONFIG_INVALID', [`${source} has ${count}:`, ...lines].join('\n'));
  }
}

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

  /** Adds what is wrong with a value. */
  addValue(path: string, value: unknown, expected: string): void {
    this.add(valueProblem(path, value, expected));
  }

  /** Adds what went wrong with a value: a plugin that it names was not found, for one. */
  addError(path: string, value: unknown, error: unknown): void {
    const code = errorCode(error);
    this.add({ ...valueProblem(path, value, errorMessage(error)), ...(code !== undefined && { code }) });
  }

  /** @throws JITSU_CONFIG_INVALID when there is any */
  throwIfAny(source: string): void {
    if (this.#problems.length > 0) throw new ConfigProblems(source, this.#problems);
  }
}

export function valueProblem(path: string, value: unknown, expected: string): ConfigProblem {
  const given = givenValue(value);
  return { path, expected, ...(given !== undefined && { given }) };
}

/** Writes a path as one would in JavaScript: `unikernels[1].ip`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${String(key)}]`;
    const name = String(key);
    if (!/^[\w-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

const LONGEST = 80;

/** A value of the configuration as an error message shows it: short, and without a password that stands in a URI. */
export function givenValue(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? `'${value}'` : typeof value === 'function' ? 'a function' : inJson(value);
  const oneLine = text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ').replace(/(\/\/[^/@:\s]*):\S*@/g, '$1:***@');
  return oneLine.length <= LONGEST ? oneLine : `${oneLine.slice(0, LONGEST - 1)}…`;
}

/** As it behaves: what JSON has no word for gives undefined. */
const stringify: (value: unknown) => string | undefined = JSON.stringify;

function inJson(value: unknown): string {
  try {
    return stringify(value) ?? String(value);
  } catch {
    // A circular value, or a bigint.
    return String(value);
  }
}
