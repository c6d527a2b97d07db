import {
  errorMessage,
  type BootConfigurator,
  type Logger,
  type MachineId,
  type Registration,
} from '@jitsud/core/plugin';
import { refusal } from './guest-domain.js';
import type { Guest } from './guest.js';
import type { LibxlOptions } from './libxl-options.js';

/** What a boot needs besides the guest itself. */
export interface BootContext {
  readonly configurators: readonly BootConfigurator[];
  readonly logger: Logger;
}

/** Creates a guest, runs the boot configurators, and unpauses it. A domain that fails on the way is removed. */
export async function bootGuest(
  guest: Guest,
  id: MachineId,
  options: LibxlOptions,
  { configurators, logger }: BootContext,
): Promise<void> {
  const domainId = await guest.create(await bootWords(options, configurators));
  const registration: Registration = { name: options.name, options };
  try {
    for (const configurator of configurators) await configurator.configure({ ...registration, id, domainId });
    await guest.unpause(domainId);
  } catch (error) {
    await guest.destroy(domainId).catch((reason: unknown) => {
      logger.error({ unikernel: options.name, domainId }, errorMessage(reason));
    });
    throw refusal(options.name, 'prepared for its boot', error);
  }
}

/**
 * What the boot configurators have for the kernel's command line. It is for HVM and PVH guests: PV guests read their
 * configuration from xenstore.
 */
export async function bootWords(
  options: LibxlOptions,
  configurators: readonly BootConfigurator[],
): Promise<string | undefined> {
  if (options.type !== 'pvh') return undefined;
  const registration: Registration = { name: options.name, options };
  try {
    const words: (string | undefined)[] = [];
    for (const configurator of configurators) words.push(await configurator.commandLine?.(registration));
    const given = words.filter((text) => text !== undefined && text !== '');
    return given.length === 0 ? undefined : given.join(' ');
  } catch (error) {
    throw refusal(options.name, 'prepared for its boot', error);
  }
}
