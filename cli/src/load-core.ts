import { fileURLToPath } from 'node:url';
import type { Control, Core } from './core.js';

/** Loads the client of a running Jitsu. */
export async function loadControl(): Promise<Control> {
  const control = await import('@jitsud/core/control');
  return {
    controlClient: (socket) => new control.ControlClient(socket),
    defaultControlSocket: control.defaultControlSocket,
    runningJitsus: control.runningJitsus,
    preferredConfig: control.preferredConfig,
    loadSettings: async (request) => (await loadCore()).loadSettings(request),
  };
}

/** Loads the core; only commands that need it take this time. */
export async function loadCore(): Promise<Core> {
  const [core, control] = await Promise.all([import('@jitsud/core'), import('@jitsud/core/control')]);
  // The bundled plugins are found from here, wherever the package manager has installed them.
  const places = [fileURLToPath(new URL('..', import.meta.url))];
  return {
    ...(await loadControl()),
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
    nearestWord: core.nearestWord,
    exposures: core.exposures,
    unikernelMemory: core.unikernelMemory,
    heldBy: core.heldBy,
    sharedPorts: core.sharedPorts,
    keptByQueriesAlone: core.keptByQueriesAlone,
    shortDeadlines: core.shortDeadlines,
    createLogger: core.createLogger,
    createJitsu: core.createJitsu,
    recordRunning: control.recordRunning,
  };
}
