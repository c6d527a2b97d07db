import { definePlugin } from '@jitsud/core/plugin';
import type { z } from 'zod';
import { STOP_MODES, XapiBackend } from './xapi-backend.js';
import { connectionOptions, xapiOptions } from './xapi-options.js';

export type { ConnectionOptions, XapiOptions } from './xapi-options.js';

declare module '@jitsud/core/plugin' {
  interface BackendOptions {
    xapi: z.input<typeof xapiOptions>;
  }
  interface AddressFindingBackends {
    xapi: true;
  }
}

export default definePlugin({
  name: 'xapi',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      name: 'xapi',
      useClass: XapiBackend,
      description: 'Virtual machines of an XCP-ng or XenServer pool',
      stopModes: STOP_MODES,
      unikernel: xapiOptions,
      connection: connectionOptions,
      findsAddresses: true,
    });
  },
});
