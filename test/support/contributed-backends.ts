import type { Plugin, PluginRegistry } from '@jitsud/core/plugin';

type BackendContribution = Parameters<PluginRegistry['backend']>[0];

/** The backends that a plugin registers. */
export function contributedBackends(plugin: Plugin): readonly BackendContribution[] {
  const backends: BackendContribution[] = [];
  const ignore = (): void => undefined;
  plugin.register({
    backend: (contribution) => void backends.push(contribution),
    readinessProbe: ignore,
    stopPolicy: ignore,
    activitySource: ignore,
    doorman: ignore,
    notifier: ignore,
    resolver: ignore,
    stateStore: ignore,
    bootConfigurator: ignore,
    unikernelKeys: ignore,
    command: ignore,
  });
  return backends;
}
