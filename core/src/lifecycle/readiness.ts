import type { Clock } from '../contracts/clock.js';
import { pollUntil } from '../builtins/poll-until.js';
import type { UnikernelRecord } from './unikernel.js';

/**
 * Waits until the addresses of a unikernel are known, all its probes are satisfied and, after a boot, its fixed delay
 * has passed. Rejects with the signal's reason when it aborts first.
 */
export async function untilReady(
  unikernel: UnikernelRecord,
  booted: boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { name, id, machine, probes, delay } = unikernel.plan;
  if (unikernel.seeksAddresses) {
    await pollUntil(
      async () => {
        unikernel.foundAddresses = await machine.addresses();
        return unikernel.foundAddresses.length > 0;
      },
      clock,
      signal,
    );
  }
  const { addresses, domainId } = unikernel;
  const target = { name, id, addresses, ...(domainId !== undefined && { domainId }) };
  await Promise.all(probes.map((probe) => probe.untilReady(target, signal)));
  if (booted && delay > 0) await clock.sleep(delay, signal);
  signal.throwIfAborted();
}
