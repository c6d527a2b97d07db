import { errorCode, errorMessage, JitsuError } from '../errors.js';

/** One problem of the configuration. */
export interface ConfigProblem {
  /** The path of the value: `unikernels[1].ip`, `--ttl`, or `"dns=a.test,ip=x" → ip`. */
  readonly path: string;
  /** The given value as printable text; absent if the value is missing. */
  readonly given?: string;
  /** The expected value, or the advice, in whole sentences. */
  readonly expected: string;
  /** The code of the underlying error, if any, such as that of a plugin that was not found. */
  readonly code?: string;
}

/** JITSU_CONFIG_INVALID with all problems of the configuration. */
export class ConfigProblems extends JitsuError {
  /** @param source the file's path, or `the command line` */
  constructor(
    source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const count = problems.length === 1 ? 'a problem' : `${String(problems.length)} problems`;
    const lines = problems.map(({ path, given, expected }) => `  ${path}: ${given ?? 'missing'}. ${expected}`);
    super('JITSU_CONFIG_INVALID', [`${source} has ${count}:`, ...lines].join('\n'));
  }
}

/** Collects problems, so that all of them are reported together. */
export class ProblemList {
  readonly #problems: ConfigProblem[] = [];

  /** @param labels the flag that has set a path, to be named instead: `dns.ttl` → `--ttl` */
  constructor(private readonly labels: ReadonlyMap<string, string> = new Map()) {}

  add(...problems: readonly ConfigProblem[]): void {
    for (const problem of problems) {
      // A flag that fills a list: `dns.forwarders[0]` is `--forwarder`.
      const path = this.labels.get(problem.path.replace(/\[\d+\]$/, '')) ?? problem.path;
      this.#problems.push({ ...problem, path });
    }
  }

  /** Adds a problem of a value. */
  addValue(path: string, value: unknown, expected: string): void {
    this.add(valueProblem(path, value, expected));
  }

  /** Adds an error that a value has caused, such as a plugin that was not found. */
  addError(path: string, value: unknown, error: unknown): void {
    const code = errorCode(error);
    this.add({ ...valueProblem(path, value, errorMessage(error)), ...(code !== undefined && { code }) });
  }

  /** @throws JITSU_CONFIG_INVALID if there is any problem */
  throwIfAny(source: string): void {
    if (this.#problems.length > 0) throw new ConfigProblems(source, this.#problems);
  }
}

export function valueProblem(path: string, value: unknown, expected: string): ConfigProblem {
  const given = givenValue(value);
  return { path, expected, ...(given !== undefined && { given }) };
}

/** Writes a path in JavaScript's notation: `unikernels[1].ip`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${String(key)}]`;
    const name = String(key);
    if (!/^[\w-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

const LONGEST = 80;

/** A configuration value for an error message: shortened, and without the password of a URI. */
export function givenValue(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? `'${value}'` : typeof value === 'function' ? 'a function' : inJson(value);
  const oneLine = text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ').replace(/(\/\/[^/@:\s]*):\S*@/g, '$1:***@');
  return oneLine.length <= LONGEST ? oneLine : `${oneLine.slice(0, LONGEST - 1)}…`;
}

/** JSON.stringify with its true type: it returns undefined for values that JSON cannot express. */
const stringify: (value: unknown) => string | undefined = JSON.stringify;

function inJson(value: unknown): string {
  try {
    return stringify(beginning(value, { left: LONGEST }, [])) ?? String(value);
  } catch {
    // A circular value, or a bigint. The text of a list would be that of all that it holds.
    return Array.isArray(value) ? 'a list' : String(value);
  }
}

/**
 * A copy of what can be shown of a value: each of its values takes a character at least. The whole may be nested without
 * end, or hold far more than was written (aliases of YAML).
 */
function beginning(value: unknown, room: { left: number }, above: readonly unknown[]): unknown {
  room.left -= 1;
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (above.includes(value)) throw new TypeError('a circular value');
  const here = [...above, value];
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    for (const item of value as readonly unknown[]) {
      if (room.left <= 0) break;
      copy.push(beginning(item, room, here));
    }
    return copy;
  }
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(value)) {
    if (room.left <= 0) break;
    entries.push([key, beginning((value as Readonly<Record<string, unknown>>)[key], room, here)]);
  }
  return Object.fromEntries(entries);
}
