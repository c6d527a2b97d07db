import { definePlugin } from '@jitsud/core/plugin';
import type { z } from 'zod';
import { STOP_MODES, LibxlBackend } from './libxl-backend.js';
import { KEYS_OF_XL } from './keys-of-xl.js';
import { connectionOptions, libxlOptions, type LibxlOptions } from './libxl-options.js';

export type { ConnectionOptions, LibxlOptions } from './libxl-options.js';

declare module '@jitsud/core/plugin' {
  interface BackendOptions {
    libxl: z.input<typeof libxlOptions>;
  }
}

const ROOT_EQUIVALENT =
  'libxl is as good as root on this host: it works for root alone, and whoever makes guests by it can give them every ' +
  'disk and device, and read the memory of all. Where Jitsu gives up root, a process of its own alone has libxl, and ' +
  'gives it no guests but the configured ones.';

export default definePlugin({
  name: 'libxl',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      name: 'libxl',
      useClass: LibxlBackend,
      description: 'Guests of this Xen host, made from a kernel file: PV and PVH',
      stopModes: STOP_MODES,
      unikernel: libxlOptions,
      foreignKeys: KEYS_OF_XL,
      memory: (options) => (options as LibxlOptions).memory * 1_024,
      connection: connectionOptions,
      rootEquivalent: () => ROOT_EQUIVALENT,
      bootConfigurators: { rumprunConfig: 'rumprun-config' },
    });
  },
});
