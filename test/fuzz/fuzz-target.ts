import type { Numbers } from '../support/numbers-from.js';
import type { CpuMeter } from './cpu-meter.js';

/** What is fuzzed: one kind of input from others. */
export interface FuzzTarget {
  readonly name: string;
  /** What the input is, in a few words. */
  readonly about: string;
  /** The compiled files whose code counts as reached, as a part of their path. */
  readonly covers: readonly string[];
  /** The most that one packet may cost, in µs of processor time. */
  readonly mostCpu: number;
  /** Inputs to begin with, besides those of the corpus. */
  seeds(): readonly Uint8Array[];
  /** Makes the next input of those that have reached something new, which become more meanwhile. */
  mutator(corpus: readonly Uint8Array[], numbers: Numbers): () => Uint8Array;
  open(): Promise<FuzzStage>;
}

export interface FuzzStage extends AsyncDisposable {
  /**
   * Gives it to what is fuzzed, and rejects where something is wrong. What one packet costs is measured by the meter; it
   * must not leave anything behind that the next input could feel.
   */
  run(input: Uint8Array, meter: CpuMeter): Promise<void>;
}
