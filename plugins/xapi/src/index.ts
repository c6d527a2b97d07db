import { definePlugin } from '@jitsud/core/plugin';
import type { z } from 'zod';
import { STOP_MODES, XapiBackend } from './xapi-backend.js';
import { parsePoolAddress } from './pool-address.js';
import { connectionOptions, xapiOptions, type ConnectionOptions } from './xapi-options.js';

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
      rootEquivalent: ({ connect }: ConnectionOptions) => rootEquivalent(connect),
      findsAddresses: true,
    });
  },
});

function rootEquivalent(uri: string): string {
  const { user, url } = parsePoolAddress(uri) ?? { user: 'root', url: uri };
  const which = `The account ${user} of ${url} is as good as root on all hosts of its pool`;
  return user === 'root' ? `${which}, and so is whoever reads its password.` : `${which} if its role is pool-admin.`;
}
