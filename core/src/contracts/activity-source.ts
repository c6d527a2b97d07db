import type { MayNeedRoot } from './may-need-root.js';
import type { Milliseconds } from './milliseconds.js';
import type { ServiceEndpoints } from './service-endpoints.js';

/** What is known of the traffic to one unikernel. What a source cannot know, it leaves out. */
export interface Traffic {
  /** The open connections that count as use by the rules of the endpoints. */
  readonly connections?: number | undefined;
  /** When the last packet came that counts as use, by the injected clock; `-Infinity` where there was none. */
  readonly lastPacket?: Milliseconds | undefined;
  /**
   * When the last of the connections ended that are over: a use at that moment, as a query is one. Absent where none has
   * ended lately, or that is not known.
   */
  readonly lastClosed?: Milliseconds | undefined;
  /** Who uses it, for people: `2 connections, from 192.0.2.7 and 198.51.100.4`. */
  readonly detail?: string | undefined;
}

/**
 * Knows something of the traffic to unikernels, beside the queries for their names. What it cannot know is never taken for
 * unused: a unikernel whose source fails is kept.
 */
export interface ActivitySource extends MayNeedRoot {
  /** The longest `idle` of `UseRules` for which it can tell what is in use; absent where there is no limit. */
  readonly longestIdle?: Milliseconds | undefined;

  /**
   * Whether it can know the traffic to this unikernel. Returns at once, and does not throw. The core asks when the
   * unikernel's machine is there, and again when its addresses have changed.
   */
  sees(endpoints: ServiceEndpoints): boolean;

  /**
   * From now on their traffic is to be remembered: of each unikernel that it sees, at first and when its endpoints have
   * changed. Absent where it can be asked about the past without that.
   */
  watch?(endpoints: readonly ServiceEndpoints[]): Promise<void>;

  /**
   * Called when all else says that this unikernel may be stopped. Rejects with a `JitsuError` where nothing can be known at
   * the moment, and with the signal's reason when that aborts first.
   */
  observe(endpoints: ServiceEndpoints, signal: AbortSignal): Promise<Traffic>;

  /** Called once when Jitsu starts. Rejects, and so fails the start, for problems that only people can solve. */
  open?(): Promise<void>;

  /** Called once when Jitsu ends; also called when `open` has failed. */
  close?(): Promise<void>;
}
