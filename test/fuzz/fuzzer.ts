import { setTimeout as sleep } from 'node:timers/promises';
import type { Numbers } from '../support/numbers-from.js';
import { heapInUse } from '../support/heap-in-use.js';
import { CodeCoverage } from './code-coverage.js';
import { CpuMeter, slowness } from './cpu-meter.js';
import type { FuzzStage, FuzzTarget } from './fuzz-target.js';

/** What a packet costs is the median of so many repeats of it. */
const REPEATS = 5;
/** So often what seems to cost too much is tried again, with pauses in milliseconds: others use the machine, too. */
const ATTEMPTS = 30;
const PAUSE = 500;
const WARM_UP = 10;

/** So many inputs are run between two looks at the coverage. */
const BATCH = 32;
const MOST_INPUTS = 600;
const DEAREST = 16;
/** The compiler and the sockets of Node leave this much behind, and more in a long run; a thousand inputs more. */
const MOST_GROWTH = 6 * 2 ** 20;

/** An input with which something was wrong. */
export class Finding extends Error {
  constructor(
    readonly input: Uint8Array,
    reason: string,
    cause?: unknown,
  ) {
    super(reason, { cause });
  }
}

export interface FuzzFigures {
  runs: number;
  /** Inputs that have reached something new, or were the dearest. */
  inputs: number;
  /** The executed bytes of source. */
  reached: number;
  /** What the dearest packet has cost, as the median of five repeats, and half of all packets, in µs. */
  dearest: number;
  median: number;
  /** What is kept after garbage collections between the middle of the run and its end, in bytes. */
  growth: number;
  residentGrowth: number;
}

/** Until when a part of a run goes on. */
export type Until = (runs: number) => boolean;

/** Runs a target with more and more inputs, and keeps those that reach new code or cost more than others. */
export class Fuzzer implements AsyncDisposable {
  readonly corpus: Uint8Array[];
  readonly figures: FuzzFigures = {
    runs: 0,
    inputs: 0,
    reached: 0,
    dearest: 0,
    median: 0,
    growth: 0,
    residentGrowth: 0,
  };
  private readonly mostCpu: number;
  readonly #meter = new CpuMeter();
  readonly #coverage: CodeCoverage;
  readonly #mutate: () => Uint8Array;
  /** The seeds come first: they are never let go of. */
  readonly #seeds: number;
  readonly #costs: number[] = [];
  readonly #dear: { readonly input: Uint8Array; readonly cost: number }[] = [];

  private constructor(
    target: FuzzTarget,
    private readonly stage: FuzzStage,
    private readonly numbers: Numbers,
    corpus: readonly Uint8Array[],
    private readonly onInput: (input: Uint8Array) => void,
  ) {
    this.mostCpu = target.mostCpu;
    this.corpus = [...target.seeds(), ...corpus];
    this.#seeds = this.corpus.length;
    this.#coverage = new CodeCoverage(target.covers);
    this.#mutate = target.mutator(this.corpus, numbers);
  }

  /** @param onInput is called with each input before it is run */
  static async open(
    target: FuzzTarget,
    numbers: Numbers,
    corpus: readonly Uint8Array[] = [],
    onInput: (input: Uint8Array) => void = () => undefined,
  ): Promise<Fuzzer> {
    return new Fuzzer(target, await target.open(), numbers, corpus, onInput);
  }

  /** Runs one input as often as it is needed to judge it. @throws Finding */
  async judge(input: Uint8Array): Promise<void> {
    await this.#run(input);
    if (this.#meter.most > this.mostCpu) await this.#repeat(input);
  }

  /** Runs each input that there is from the beginning once, and judges what it costs. @throws Finding */
  async runSeeds(): Promise<void> {
    const seeds = this.corpus.slice(0, this.#seeds);
    for (let round = 0; round < 100; round++) slowness();
    // The first rounds warm the code up.
    for (let round = 0; round < WARM_UP; round++) for (const seed of seeds) await this.#run(seed);
    for (const seed of seeds) await this.judge(seed);
  }

  /** Looks for inputs that reach new code. @throws Finding */
  async explore(goesOn: Until): Promise<void> {
    this.#coverage.start();
    try {
      if (this.figures.reached === 0) for (const seed of this.corpus.slice(0, this.#seeds)) await this.#run(seed);
      this.#coverage.take().remember();
      for (let runs = 0; goesOn(runs); runs += BATCH) {
        const batch = Array.from({ length: BATCH }, this.#mutate);
        for (const input of batch) await this.#run(input);
        const ofBatch = this.#coverage.take();
        if (ofBatch.size === 0) continue;
        // A look takes as long as several runs: only now each is run and looked at by itself.
        for (const input of batch) {
          await this.#run(input);
          const found = this.#coverage.take();
          if (found.size > 0) this.#keep(input);
          found.remember();
        }
        ofBatch.remember();
      }
    } finally {
      this.#coverage.stop();
      this.figures.reached = this.#coverage.size;
    }
  }

  /** Looks for inputs that cost much, and keeps them if it may. @throws Finding */
  async measure(goesOn: Until, keeps = true): Promise<void> {
    for (let runs = 0; goesOn(runs); runs++) {
      const input = this.#mutate();
      await this.#run(input);
      const { most } = this.#meter;
      if (most > 0) this.#note(most);
      const least = this.#dear.length < DEAREST ? 0 : (this.#dear.at(-1)?.cost ?? 0);
      if (most > this.mostCpu || (keeps && most > least)) this.#keepDear(input, await this.#repeat(input), keeps);
    }
  }

  /** Begins to watch what is kept. The result ends that. @throws Finding where it is too much */
  async watchGrowth(): Promise<() => Promise<void>> {
    const kept = (): number => this.corpus.reduce((sum, { length }) => sum + length, 0);
    const [heap, resident, own] = [await heapInUse(), process.memoryUsage.rss(), kept()];
    return async () => {
      this.figures.growth = (await heapInUse()) - heap - (kept() - own);
      this.figures.residentGrowth = process.memoryUsage.rss() - resident;
      if (this.figures.growth < MOST_GROWTH) return;
      throw new Finding(new Uint8Array(), `${this.figures.growth} bytes were left behind by ${this.figures.runs} runs`);
    };
  }

  /** The inputs that have come to the corpus. */
  get found(): readonly Uint8Array[] {
    return this.corpus.slice(this.#seeds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#coverage.close();
    await this.stage[Symbol.asyncDispose]();
  }

  async #run(input: Uint8Array): Promise<void> {
    this.onInput(input);
    this.#meter.reset();
    this.figures.runs += 1;
    try {
      await this.stage.run(input, this.#meter);
    } catch (error) {
      throw new Finding(input, error instanceof Error ? error.message : String(error), error);
    }
  }

  #keep(input: Uint8Array): void {
    if (this.corpus.length >= MOST_INPUTS)
      this.corpus.splice(this.#seeds + this.numbers(this.corpus.length - this.#seeds), 1);
    this.corpus.push(Uint8Array.from(input));
    this.figures.inputs = this.corpus.length - this.#seeds;
  }

  #keepDear(input: Uint8Array, cost: number, keeps: boolean): void {
    if (!keeps) return;
    const place = this.#dear.findIndex((each) => each.cost < cost);
    if (place < 0 && this.#dear.length >= DEAREST) return;
    this.#dear.splice(place < 0 ? this.#dear.length : place, 0, { input: Uint8Array.from(input), cost });
    if (this.#dear.length > DEAREST) this.#dear.pop();
    this.#keep(input);
  }

  #note(cost: number): void {
    this.#costs[this.figures.runs % 1_000] = cost;
    if (this.figures.runs % 64 === 0) this.figures.median = medianOf(this.#costs);
  }

  /** The median of what the dearest packet of an input costs. @throws Finding where it is too much */
  async #repeat(input: Uint8Array): Promise<number> {
    let cost = Infinity;
    // The compiler works on the same clock: only what stays dear is.
    for (let attempt = 0; attempt < ATTEMPTS && cost > this.mostCpu; attempt++) {
      if (attempt > 0) await sleep(PAUSE);
      const costs: number[] = [];
      const before = slowness();
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        await this.#run(input);
        costs.push(this.#meter.most);
      }
      cost = Math.round(medianOf(costs) / Math.min(before, slowness()));
    }
    this.figures.dearest = Math.max(this.figures.dearest, cost);
    if (cost > this.mostCpu) throw new Finding(input, `a packet costs ${cost} µs of processor time`);
    return cost;
  }
}

function medianOf(numbers: readonly number[]): number {
  const known = numbers.filter((each) => each !== undefined).sort((a, b) => a - b);
  return known[known.length >> 1] ?? 0;
}
