import type { Machine, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Clock } from '../contracts/clock.js';

/** A stop that is under way, or waits for its turn. */
export interface Stop {
  readonly reason: string;
  readonly mode: StopMode;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Brings a machine down. A guest that does not follow its shutdown within the grace time is destroyed; no other mode may
 * turn into that.
 */
export async function bringDown(
  { machine, grace }: { readonly machine: Machine; readonly grace: Milliseconds },
  mode: StopMode,
  clock: Clock,
): Promise<void> {
  const controller = new AbortController();
  using _grace = mode === 'shutdown' ? clock.after(grace, () => controller.abort()) : undefined;
  try {
    await machine.stop(mode, controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    await machine.stop('destroy', new AbortController().signal);
  }
}
