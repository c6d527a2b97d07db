import assert from 'node:assert/strict';
import type { Core } from '#cli/core.js';

/** A core that can do only what a test gives it; anything else that is called fails the test. */
export function fakeCore(parts: Partial<Core>): Core {
  const never = (name: string) => () => assert.fail(`core.${name} was called`);
  return {
    loadSettings: never('loadSettings'),
    loadRegistry: never('loadRegistry'),
    configurationSchema: never('configurationSchema'),
    startFlags: never('startFlags'),
    unikernelOptions: never('unikernelOptions'),
    pluginCommands: never('pluginCommands'),
    nearestWord: () => undefined,
    exposures: () => [],
    unikernelMemory: () => undefined,
    heldBy: () => [],
    sharedPorts: () => [],
    keptByQueriesAlone: () => [],
    shortDeadlines: () => [],
    createLogger: never('createLogger'),
    createJitsu: never('createJitsu'),
    controlClient: never('controlClient'),
    defaultControlSocket: never('defaultControlSocket'),
    runningJitsus: () => [],
    preferredConfig: () => undefined,
    recordRunning: never('recordRunning'),
    ...parts,
  };
}
