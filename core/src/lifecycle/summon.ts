import type { WakeCause } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';

/** A summon that is under way. */
export class Summon {
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: unknown) => void;
  /** Aborts when the summon ends before its service answers. */
  readonly controller = new AbortController();
  /** Ends it at its deadline. */
  deadline: Disposable | undefined;
  /** Releases its place among the boots, while it has one. */
  leave: (() => void) | undefined;
  /** Whether it includes a boot, if only one that it waited for. */
  boots = false;
  /** Whether a machine was told to run. */
  began = false;
  /** When a machine was told to run last, and whether from off. */
  boot: { readonly rise: 'start' | 'resume'; readonly at: Milliseconds } | undefined;
  /** Whether it has had an outdated machine stopped. */
  replaces = false;
  /** What each readiness probe that is not satisfied has found last, in its own words. */
  readonly outcomes = new Map<object, string>();
  /** The error with which it has failed. */
  error: unknown;

  constructor(
    readonly cause: WakeCause,
    readonly wokenAt: Milliseconds,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
