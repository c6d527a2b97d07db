import { errorCode, errorMessage, JitsuError } from '../errors.js';
import type { LineOf } from './config-lines.js';
import { meantKey } from './expectation.js';

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
  /** The name of the unikernel whose value it is, as far as its path does not tell. */
  readonly unikernel?: string;
  /** The line of the value in the file, counted from 1, or of what it is missing in; absent where nobody knows. */
  readonly line?: number;
}

/** Says of problems of a file where they are. */
export interface ProblemPlaces {
  /** As written. */
  readonly unikernels: unknown;
  readonly lineOf?: LineOf | undefined;
}

/** JITSU_CONFIG_INVALID with all problems of the configuration. */
export class ConfigProblems extends JitsuError {
  /** @param source the file's path, or `the command line` */
  constructor(
    source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const count = problems.length === 1 ? 'a problem' : `${String(problems.length)} problems`;
    const lines = problems.map((problem) => {
      const { path, given = 'missing', expected } = problem;
      return `  ${path}${placeText(problem)}: ${given}. ${expected}`;
    });
    super('JITSU_CONFIG_INVALID', [`${source} has ${count}:`, ...lines].join('\n'));
  }
}

function placeText({ unikernel, line }: ConfigProblem): string {
  const parts = [unikernel, line === undefined ? undefined : `line ${String(line)}`].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
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

  /** Adds an error that a value has caused, such as a plugin that was not found, behind advice in whole sentences. */
  addError(path: string, value: unknown, error: unknown, advice?: string): void {
    const code = errorCode(error);
    const message = errorMessage(error);
    const expected = advice === undefined ? message : `${advice} ${message}`;
    this.add({ ...valueProblem(path, value, expected), ...(code !== undefined && { code }) });
  }

  get isEmpty(): boolean {
    return this.#problems.length === 0;
  }

  /** @throws JITSU_CONFIG_INVALID if there is any problem */
  throwIfAny(source: string, places: ProblemPlaces = { unikernels: undefined }): void {
    if (this.#problems.length > 0) throw new ConfigProblems(source, located(this.#withoutConsequences(), places));
  }

  /** That a key is missing is a consequence where it is there, and only misspelt. */
  #withoutConsequences(): readonly ConfigProblem[] {
    const meant = new Set(
      this.#problems.flatMap(({ path, expected }) => {
        const key = meantKey(expected);
        return key === undefined ? [] : [siblingPath(path, key)];
      }),
    );
    return this.#problems.filter(({ path, given }) => given !== undefined || !meant.has(path));
  }
}

/** The path of another key beside the last one of a path. */
function siblingPath(path: string, key: string): string {
  return `${path.replace(/(?:^|(?<=[.\s]))[\w-]+$|\["[^"]*"\]$/, '')}${key}`;
}

/** Adds to problems of a file the line, and the name of the unikernel. */
function located(problems: readonly ConfigProblem[], { unikernels, lineOf }: ProblemPlaces): readonly ConfigProblem[] {
  return problems.map((problem) => {
    const keys = pathKeys(problem.path);
    if (keys === undefined) return problem;
    const unikernel = nameAt(keys, unikernels);
    const line = lineOf?.(keys);
    return { ...problem, ...(unikernel !== undefined && { unikernel }), ...(line !== undefined && { line }) };
  });
}

/** The name of the unikernel that a path leads into, or its first DNS name. */
function nameAt([first, index, key]: readonly (string | number)[], unikernels: unknown): string | undefined {
  if (first !== 'unikernels' || typeof index !== 'number' || !Array.isArray(unikernels)) return undefined;
  const { name, dns } = (unikernels[index] ?? {}) as { readonly name?: unknown; readonly dns?: unknown };
  const [dnsName] = Array.isArray(dns) ? (dns as readonly unknown[]) : [dns];
  // A name that is wrong itself stands there as the value.
  const own = [key === 'name' ? undefined : name, key === 'dns' ? undefined : dnsName];
  const text = own.find((candidate) => typeof candidate === 'string' && candidate !== '');
  return text === undefined ? undefined : givenValue(text)?.slice(1, -1);
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

/** The keys of a path that `pathText` has written; `undefined` for a flag, or for words. */
function pathKeys(path: string): readonly (string | number)[] | undefined {
  const keys: (string | number)[] = [];
  const parts = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([\w-]+)/y;
  while (parts.lastIndex < path.length) {
    const [, index, quoted, key] = parts.exec(path) ?? [];
    if (index !== undefined) keys.push(Number(index));
    else if (quoted !== undefined) keys.push(JSON.parse(quoted) as string);
    else if (key?.startsWith('--') === false) keys.push(key);
    else return undefined;
  }
  return keys;
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
