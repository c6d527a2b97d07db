import type { InjectionToken } from 'tsyringe';
import type { BootConfigurator } from '../contracts/boot-configurator.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';

/** A {@link Clock}. */
export const CLOCK: InjectionToken<Clock> = Symbol.for('jitsu.clock');

/** A {@link Logger} that carries the plugin's or connection's name. */
export const LOGGER: InjectionToken<Logger> = Symbol.for('jitsu.logger');

/** What the contribution's own schema parsed: a backend's connection settings, a probe's argument, a notifier's entry. */
export const OPTIONS: InjectionToken<unknown> = Symbol.for('jitsu.options');

/** The name of a backend's connection: `libvirt`, or what the configuration calls it under `backends`. */
export const CONNECTION_NAME: InjectionToken<string> = Symbol.for('jitsu.connection-name');

/** A folder (mode 0700) that lasts until the machine reboots, for what belongs to running machines. */
export const RUNTIME_DIRECTORY: InjectionToken<string> = Symbol.for('jitsu.runtime-directory');

/** All boot configurators, in the order of registration, for backends that create machines paused. */
export const BOOT_CONFIGURATORS: InjectionToken<readonly BootConfigurator[]> = Symbol.for('jitsu.boot-configurators');
