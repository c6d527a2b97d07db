import { Session, type Profiler } from 'node:inspector';

/** Whether an offset of a script's source was executed. */
type Reached = Uint8Array;

export interface NewCode {
  /** In bytes of source. */
  readonly size: number;
  remember(): void;
}

/** Finds out by V8's block coverage whether code is executed that has not been executed before. */
export class CodeCoverage {
  readonly #session = new Session();
  /** By the address of a script. */
  readonly #reached = new Map<string, Reached>();

  /** @param covers parts of the paths of the files that count */
  constructor(private readonly covers: readonly string[]) {
    this.#session.connect();
    this.#ask('Profiler.enable');
  }

  /** From here on the code runs slower. */
  start(): void {
    this.#ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#ask('Profiler.stopPreciseCoverage');
  }

  close(): void {
    this.#session.disconnect();
  }

  /** The bytes of source that were executed at all. */
  get size(): number {
    let sum = 0;
    for (const reached of this.#reached.values()) for (const one of reached) sum += one;
    return sum;
  }

  /** What was executed since the last call and never before. It counts as new until it is remembered. */
  take(): NewCode {
    const { result } = this.#ask('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType;
    const now = result
      .filter(({ url }) => this.covers.some((part) => url.includes(part)))
      .map(({ url, functions }) => ({ url, reached: reachedBy(functions) }));
    const size = now.reduce((sum, { url, reached }) => sum + this.#merge(url, reached, false), 0);
    return {
      size,
      remember: () => {
        for (const { url, reached } of now) this.#merge(url, reached, true);
      },
    };
  }

  /** The bytes that are new, which are remembered or not. */
  #merge(url: string, now: Reached, remembers: boolean): number {
    let before = this.#reached.get(url) ?? new Uint8Array();
    if (before.length < now.length) {
      const longer = new Uint8Array(now.length);
      longer.set(before);
      this.#reached.set(url, (before = longer));
    }
    let found = 0;
    for (let at = 0; at < now.length; at++) {
      if (now[at] === 0 || before[at] === 1) continue;
      if (remembers) before[at] = 1;
      found += 1;
    }
    return found;
  }

  /** The session is that of this thread, and so answers at once. */
  #ask(method: string, parameters: object = {}): unknown {
    let outcome: unknown;
    this.#session.post(method, parameters, (error, result) => {
      if (error !== null) throw error;
      outcome = result;
    });
    return outcome;
  }
}

function reachedBy(functions: readonly Profiler.FunctionCoverage[]): Reached {
  // Outer ranges come before those within them.
  const ranges = functions
    .flatMap((each) => each.ranges)
    .sort((one, other) => one.startOffset - other.startOffset || other.endOffset - one.endOffset);
  const reached = new Uint8Array(ranges.reduce((end, { endOffset }) => Math.max(end, endOffset), 0));
  for (const { startOffset, endOffset, count } of ranges) reached.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return reached;
}
