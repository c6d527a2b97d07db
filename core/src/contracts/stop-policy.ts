import type { Milliseconds } from './milliseconds.js';

/** What a policy says of one running unikernel: keep it at least until then, or stop it, and why. */
export type StopOpinion = { readonly keepUntil: Milliseconds } | { readonly stop: string };

/** One DNS name of a unikernel. */
export interface NameActivity {
  readonly name: string;
  readonly ttl: Milliseconds;
  /** The last query for the name, or the start of this run where that is later. */
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
 * Policies form an ordered chain: the first with an opinion decides, and a unikernel of which none has one is kept.
 * A policy looks only at what it is given, so the same history always gets the same opinion; `keepUntil` is when it
 * wants to be asked again (`Infinity`: never), which is all that the reaper needs to know.
 */
export interface StopPolicy {
  opinionOn(activity: Activity, now: Milliseconds): StopOpinion | undefined;
}
