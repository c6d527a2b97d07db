import { fileURLToPath } from 'node:url';
import type { Core } from './core.js';

/** Brings in the core, which only commands that need it are to pay for. */
export async function loadCore(): Promise<Core> {
  const core = await import('@jitsud/core');
  const defaultControlSocket = (): string => core.defaultControlSocket(core.defaultRuntimeDirectory());
  const context = {
    builtIns: core.registerBuiltIns,
    runtimeDirectory: () => core.defaultRuntimeDirectory(),
    controlSocket: core.defaultControlSocket,
    // The plugins that come with the command are found from here, wherever the package manager has put them.
    pluginPlaces: [fileURLToPath(new URL('..', import.meta.url))],
  };
  return {
    loadSettings: (request) => core.loadSettings(request, context),
    loadRegistry: (request) => core.loadRegistry(request, context),
    configurationSchema: async (request) => core.jsonSchema((await core.loadRegistry(request, context)).contributions),
    unikernelOptions: async (request) => {
      const { contributions } = await core.loadRegistry(request, context);
      const backends = contributions.backends.all().map(({ name, description, unikernel }) => ({
        name,
        description,
        options: core.describeOptions(unikernel),
      }));
      return { common: core.describeOptions(core.unikernelSchema), backends };
    },
    createLogger: core.createLogger,
    createJitsu: (core as unknown as Core).createJitsu,
    controlClient: (socket) => new core.ControlClient(socket),
    defaultControlSocket,
  };
}
