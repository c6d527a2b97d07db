import type { Knock } from './doorman.js';
import type { MachineId, PowerState } from './machine.js';
import type { Milliseconds } from './milliseconds.js';

/** What asked for a unikernel. */
export type WakeCause =
  | { readonly kind: 'query'; readonly name: string; readonly type: string; readonly client: string }
  | ({ readonly kind: 'knock' } & Omit<Knock, 'unikernel'>)
  | { readonly kind: 'command' }
  /** The summon of another unikernel, which needs it; `byCommand` where that was summoned by command. */
  | { readonly kind: 'need'; readonly of: string; readonly byCommand?: true }
  /** The wake of another unikernel of its group. */
  | { readonly kind: 'group'; readonly of: string }
  /** It was stopped since its definition has changed, and was in use. */
  | { readonly kind: 'replacement' };

/**
 * - `summoning`: a wake found it not ready: it boots, or if it runs, its service is waited for.
 * - `started`, `resumed`, `unpaused`: it executes again. `ready`: its service answers.
 * - `failed`: a summon has failed; `unready`: it was ready and does not answer any more. `code` and `reason` say why.
 * - `adopted`: found running, not started by this process. `died`: went down without a stop by Jitsu.
 * - `outdated`: runs by an earlier definition; `reason` says what has changed since.
 * - `kept`: something else than queries keeps it from being stopped, or does so no more; `reason` says what.
 * - `stopping`, `stopped`, `stop-failed`: the reaper or a command stops it.
 * - `lost`, `returned`: its backend cannot be asked, or can be asked again.
 * - `added`, `changed`, `removed`: it came to be configured while Jitsu ran, is configured in another way, or is not
 *   configured any more; what was removed runs on where it runs.
 */
export type LifecycleEventKind =
  | 'summoning'
  | 'started'
  | 'resumed'
  | 'unpaused'
  | 'ready'
  | 'failed'
  | 'unready'
  | 'adopted'
  | 'outdated'
  | 'died'
  | 'kept'
  | 'stopping'
  | 'stopped'
  | 'stop-failed'
  | 'lost'
  | 'returned'
  | 'added'
  | 'changed'
  | 'removed';

/** A change in the life of a unikernel. */
export interface LifecycleEvent {
  readonly kind: LifecycleEventKind;
  readonly at: Milliseconds;
  readonly unikernel: string;
  readonly id: MachineId;
  /** The name of the backend connection. */
  readonly backend: string;
  readonly state: PowerState;
  readonly cause?: WakeCause;
  /** An error code, for `failed`, `unready` and `stop-failed`. */
  readonly code?: string;
  readonly reason?: string;
  /** The duration of what has ended: for `ready` since the wake, for `stopped` since the decision to stop. */
  readonly duration?: Milliseconds;
  readonly addresses: readonly string[];
  readonly macs: readonly string[];
  readonly domainId?: number;
}
