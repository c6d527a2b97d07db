import type { Traffic } from './activity-source.js';
import type { MayNeedRoot } from './may-need-root.js';
import type { Milliseconds } from './milliseconds.js';

/**
 * What a policy says about one running unikernel: keep it at least until a time, stop it for a reason, or leave the
 * decision to the next policy and ask again at a time. `why` is what keeps it, for people, as it stands behind "kept by":
 * `2 connections, from 192.0.2.7`.
 */
export type StopOpinion =
  | { readonly keepUntil: Milliseconds; readonly why?: string | undefined }
  | { readonly stop: string }
  | { readonly undecidedUntil: Milliseconds };

/** One DNS name of a unikernel. */
export interface NameActivity {
  readonly name: string;
  readonly ttl: Milliseconds;
  /** The last query for the name; the start of this run or the end of the last boot, where that is later. */
  readonly lastAsked: Milliseconds;
}

/** Everything on which a policy may base its opinion. */
export interface Activity {
  readonly unikernel: string;
  /** When this run began, by a summon or by adoption. */
  readonly since: Milliseconds;
  readonly names: readonly NameActivity[];
  /**
   * What is known of the traffic to it. Absent where nothing can know it, and as long as nobody has asked: the core asks only
   * when the policies would stop the unikernel without it, and then asks them again.
   */
  readonly traffic?: Traffic | undefined;
  /**
   * Whether a stop would end no connection: its machine is suspended or paused, and the next packet of a connection wakes
   * it. Absent where that is not so, or not known.
   */
  readonly connectionsSurvive?: true | undefined;
}

/**
 * Decides when a running unikernel may be stopped.
 *
 * Policies form an ordered chain: the first that keeps or stops decides, and a unikernel without a decision is kept. A
 * policy uses only its arguments, so the same history always gets the same opinion; `keepUntil` and `undecidedUntil`
 * are when it wants to be asked again (`Infinity`: never), which is all that the reaper needs to know. A policy that
 * throws, or names a time in the past, is logged, and the unikernel is kept for a minute.
 */
export interface StopPolicy extends MayNeedRoot {
  opinionOn(activity: Activity, now: Milliseconds): StopOpinion | undefined;
}
