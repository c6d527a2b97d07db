import type { BootConfigurator, Registration } from '@jitsud/core/plugin';
import type { DomainConfig } from './domain-config.js';

/**
 * The configuration for one boot. The boot configurators' words for the kernel's command line are for HVM and PVH
 * guests: PV guests read their configuration from xenstore.
 */
export async function bootConfig(
  config: DomainConfig,
  configurators: readonly BootConfigurator[],
  unikernel: Registration,
): Promise<DomainConfig> {
  if (config.c_info.type !== 'pvh') return config;
  const words = [config.b_info.cmdline];
  for (const configurator of configurators) words.push(await configurator.commandLine?.(unikernel));
  const cmdline = words.filter((text) => text !== undefined).join(' ');
  return cmdline === '' ? config : { ...config, b_info: { ...config.b_info, cmdline } };
}
