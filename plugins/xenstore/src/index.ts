import { definePlugin } from '@jitsud/core/plugin';
import { z } from 'zod';
import { keyWaitOptions } from './key-wait-options.js';
import { XenstoreKeyProbe } from './xenstore-key-probe.js';

export type { Access, NodePermissions } from './node-permissions.js';
export { socketPath } from './socket-path.js';
export type { WatchListener } from './watches.js';
export { XenstoreError } from './xenstore-error.js';
export type { XenstoreNodes } from './xenstore-nodes.js';
export { Xenstore, type XenstoreOptions } from './xenstore.js';

declare module '@jitsud/core/plugin' {
  interface UnikernelKeys {
    /** A xenstore key below /local/domain/DOMID/ to wait for before the answer, at most 2 s; `KEY:5s` waits longer. */
    readonly waitForKey?: string;
  }
}

export default definePlugin({
  name: 'xenstore',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.readinessProbe({
      name: 'xenstore-key',
      useClass: XenstoreKeyProbe,
      description:
        'A key is below /local/domain/DOMID/ in the store of Xen, for 2 s at most: xenstore-key:KEY or xenstore-key:KEY:5s',
      argument: keyWaitOptions,
    });
    registry.unikernelKeys({
      keys: z.object({
        waitForKey: z
          .string()
          .min(1)
          .optional()
          .describe(
            'A xenstore key below /local/domain/DOMID/ to wait for before the answer, for 2 s at most; KEY:5s waits longer',
          ),
      }),
      probes: { waitForKey: 'xenstore-key' },
    });
  },
});
