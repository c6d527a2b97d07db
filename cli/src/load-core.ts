import { fileURLToPath } from 'node:url';
import type { Core } from './core.js';

/** Brings in the core, which only commands that need it are to pay for. */
export async function loadCore(): Promise<Core> {
  const core = await import('@jitsud/core');
  // The plugins that come with the command are found from here, wherever the package manager has put them.
  const places = [fileURLToPath(new URL('..', import.meta.url))];
  return {
    loadSettings: (request) => core.loadSettings(request, places),
    loadRegistry: (request) => core.loadRegistry(request, places),
    configurationSchema: async (request) => core.jsonSchema((await core.loadRegistry(request, places)).contributions),
    startFlags: (request) => core.loadStartFlags(request, places),
    unikernelOptions: async (request) => {
      const { contributions, startFlags } = await core.loadRegistry(request, places);
      const backends = contributions.backends.all().map(({ name, description, unikernel }) => ({
        name,
        description,
        options: core.describeOptions(unikernel),
      }));
      return {
        startFlags,
        common: core.describeUnikernelKeys(contributions),
        backends,
        commands: contributions.commands.all(),
      };
    },
    pluginCommands: async (request) => {
      const { contributions } = await core.loadRegistry(request, places);
      return core.pluginCommands(contributions, core.createLogger({ level: 'info' }));
    },
    exposures: core.exposures,
    createLogger: core.createLogger,
    createJitsu: core.createJitsu,
    controlClient: (socket) => new core.ControlClient(socket),
    defaultControlSocket: () => core.defaultControlSocket(core.defaultRuntimeDirectory()),
  };
}
