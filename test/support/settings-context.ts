import { z } from 'zod';
import type { Plugin } from '@jitsud/core/plugin';
import type { SettingsContext } from '#core/config/read-settings.js';

/** A context whose built-ins are stand-ins, one for each kind of contribution, with schemas as plugins write them. */
export function settingsContext(more: Plugin['register'] = () => undefined): SettingsContext {
  return {
    runtimeDirectory: () => '/run/for-tests',
    controlSocket: (directory) => `${directory}/control.sock`,
    registerBuiltins(registry) {
      const port = z.coerce.number().int().min(1).max(65_535);
      registry.readinessProbe({ name: 'tcp', useClass: class {} as never, description: 'A port', argument: port });
      registry.readinessProbe({
        name: 'exec',
        useClass: class {} as never,
        description: 'A command',
        argument: z.string(),
      });
      for (const name of ['ttl', 'connections', 'traffic', 'keep-alive']) {
        registry.stopPolicy({ name, useClass: class {} as never, description: name, argument: z.undefined() });
      }
      registry.backend({
        name: 'toy',
        useClass: class {} as never,
        description: 'A toy',
        unikernel: z.object({
          name: z.string().optional(),
          uuid: z.string().optional(),
          memory: z.number({ error: 'A size such as 64000 (KiB) expected.' }).optional(),
          vcpus: z.int().min(1).optional().describe('Virtual processors'),
          nic: z.array(z.string()).optional(),
          fast: z.boolean().optional(),
          rumprunConfig: z.string().optional(),
        }),
        bootConfigurators: { rumprunConfig: 'rumprun-config' },
        connection: z.object({ connect: z.string().optional(), retries: z.int().optional() }),
      });
      registry.backend({
        name: 'bare',
        useClass: class {} as never,
        description: 'No settings',
        unikernel: z.strictObject({}),
      });
      registry.stateStore({ name: 'memory', useClass: class {} as never, description: 'None', options: z.object({}) });
      registry.stateStore({
        name: 'sqlite',
        useClass: class {} as never,
        description: 'A folder',
        options: z.object({ path: z.string() }),
      });
      more(registry);
    },
  };
}
