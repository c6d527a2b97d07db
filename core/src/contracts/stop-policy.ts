import type { Milliseconds } from './milliseconds.js';

/**
 * What a policy says of one running unikernel: keep it at least until then; stop it, and why; or leave it to the next
 * policy for now, but ask again then.
 */
export type StopOpinion =
  { readonly keepUntil: Milliseconds } | { readonly stop: string } | { readonly undecidedUntil: Milliseconds };

/** One DNS name of a unikernel. */
export interface NameActivity {
  readonly name: string;
  readonly ttl: Milliseconds;
  /** The last query for the name; or the start of this run, or the end of the last boot, where that is later. */
  readonly lastAsked: Milliseconds;
}

/** All that a policy may base its opinion on. */
export interface Activity {
  readonly unikernel: string;
  /** When this run began: the unikernel was summoned, or found running and adopted. */
  readonly since: Milliseconds;
  readonly names: readonly NameActivity[];
}

/**
 * Decides when a running unikernel may be stopped.
 *
 * Policies form an ordered chain: the first that keeps or stops decides, and a unikernel of which none does is kept.
 * A policy looks only at what it is given, so the same history always gets the same opinion; `keepUntil` and
 * `undecidedUntil` are when it wants to be asked again (`Infinity`: never), which is all that the reaper needs to know. One that
 * throws, or names a time that is over, is logged, and the unikernel is kept for a minute.
 */
export interface StopPolicy {
  opinionOn(activity: Activity, now: Milliseconds): StopOpinion | undefined;
}
