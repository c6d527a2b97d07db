import type { Clock } from '../contracts/clock.js';
import type { Unikernel } from './unikernel.js';

/**
 * Waits until all probes of a unikernel are satisfied and, where it has just been booted, its fixed delay has passed.
 * Rejects with the signal's reason when it aborts first.
 */
export async function untilReady(
  unikernel: Unikernel,
  booted: boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { name, id, addresses, probes, delay } = unikernel.plan;
  const { domainId } = unikernel;
  const target = { name, id, addresses, ...(domainId !== undefined && { domainId }) };
  await Promise.all(probes.map((probe) => probe.untilReady(target, signal)));
  if (booted && delay > 0) await clock.sleep(delay, signal);
  signal.throwIfAborted();
}
