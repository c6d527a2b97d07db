import type { PowerWatch } from '@jitsud/core/plugin';
import type { LibvirtDomain } from './libvirt-domain.js';
import { untilOff } from './until-off.js';

/**
 * Asks the guest to power off, and resolves when it has; rejects with the signal's reason when that aborts first.
 * @throws what {@link LibvirtDomain.perform} throws
 */
export async function shutDown(domain: LibvirtDomain, power: PowerWatch, signal: AbortSignal): Promise<void> {
  const { state } = await domain.state();
  if (state === 'off') return;
  // A guest that does not run cannot be asked.
  if (state === 'paused') await domain.perform('resume', 'unpaused', ['running']);
  if (state === 'suspended') await domain.perform('wakeUp', 'woken up', ['running']);

  const done = new AbortController();
  const off = untilOff(power, domain.id, AbortSignal.any([signal, done.signal]));
  // It is waited for only once the guest has been asked, and until then may fail for the same reason.
  off.catch(() => undefined);
  try {
    await domain.perform('shutdown', 'shut down', ['off', 'stopping']);
    if ((await domain.state()).state !== 'off') await off;
  } finally {
    done.abort();
  }
}
