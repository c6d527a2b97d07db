import type { LifecycleEvent } from './lifecycle-event.js';

/** Whether those whom a notifier tells can be reached. */
export interface NotifierStatus {
  readonly connected: boolean;
  /** To whom, or why not, for people. */
  readonly detail: string;
}

/** Tells the world what has happened. A notifier that is slow or fails delays nothing and is only logged. */
export interface Notifier {
  notify(event: LifecycleEvent): Promise<void>;

  /**
   * Whether it is told of an event; of every event without this method. Answers at once, and does not throw.
   * @param keys what the unikernel's keys that plugins have added became; empty where it has none
   */
  wants?(event: LifecycleEvent, keys: Readonly<Record<string, unknown>>): boolean;

  /**
   * Called once when Jitsu starts, before the first event. Rejects, and the start fails, for what only people can put
   * right; whoever cannot be reached yet is tried again in the background, and not waited for here.
   */
  open?(): Promise<void>;

  /** Called once when Jitsu ends, after the last event, also after `open` has failed. */
  close?(): Promise<void>;

  /** What `jitsu status` shows of it. Without this method it shows nothing. */
  status?(): NotifierStatus;
}
