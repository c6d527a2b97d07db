import type { BootConfigurator } from '../contracts/boot-configurator.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Spawner } from '../contracts/spawner.js';
import { token } from './injection.js';

/** A {@link Clock}. */
export const CLOCK = token<Clock>('CLOCK');

/** A {@link Logger} with the name of the plugin or connection in its lines. */
export const LOGGER = token<Logger>('LOGGER');

/** The name of a backend's connection: `libvirt`, or its key under `backends` in the configuration. */
export const CONNECTION_NAME = token<string>('CONNECTION_NAME');

/**
 * A folder for files of running machines, where nobody else may write; its content lasts until the host reboots. Make a
 * folder in it by `makeOwnFolder`, which holds files alone unless other folders are named: where Jitsu gives up root, this one stays root's.
 */
export const RUNTIME_DIRECTORY = token<string>('RUNTIME_DIRECTORY');

/** All boot configurators, in the order of registration, for backends that create machines paused. */
export const BOOT_CONFIGURATORS = token<readonly BootConfigurator[]>('BOOT_CONFIGURATORS');

/** The {@link Spawner} of this Jitsu. */
export const SPAWNER = token<Spawner>('SPAWNER');
