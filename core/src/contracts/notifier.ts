import type { LifecycleEvent } from './lifecycle-event.js';
import type { MayNeedRoot } from './may-need-root.js';

/** Whether the receivers of a notifier can be reached. */
export interface NotifierStatus {
  readonly connected: boolean;
  /** The receivers, or why they cannot be reached, for people. */
  readonly detail: string;
}

/** Tells other systems about lifecycle events. A slow or failing notifier delays nothing; its failures are logged. */
export interface Notifier extends MayNeedRoot {
  notify(event: LifecycleEvent): Promise<void>;

  /**
   * Whether the notifier gets an event; without this method it gets all. Returns at once, and does not throw.
   * @param keys the parsed values of the unikernel's keys that plugins have added; empty where it has none
   */
  wants?(event: LifecycleEvent, keys: Readonly<Record<string, unknown>>): boolean;

  /**
   * Called once when Jitsu starts, before the first event. Rejects, and so fails the start, for problems that only
   * people can solve; a receiver that cannot be reached yet is retried in the background and not waited for here.
   */
  open?(): Promise<void>;

  /** Called once when Jitsu ends, after the last event; also called when `open` has failed. */
  close?(): Promise<void>;

  /** The status that `jitsu status` shows. Without this method it shows none. */
  status?(): NotifierStatus;
}
