import { definePlugin } from '@jitsud/core/plugin';
import { keyWaitOptions } from './key-wait-options.js';
import { XenstoreKeyProbe } from './xenstore-key-probe.js';

export type { Access, NodePermissions } from './node-permissions.js';
export { socketPath } from './socket-path.js';
export type { WatchListener } from './watches.js';
export { XenstoreError } from './xenstore-error.js';
export type { XenstoreNodes } from './xenstore-nodes.js';
export { Xenstore, type XenstoreOptions } from './xenstore.js';

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
  },
});
