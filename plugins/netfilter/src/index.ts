import { definePlugin } from '@jitsud/core/plugin';
import { doormanOptions } from './doorman-options.js';
import { NetfilterDoorman } from './netfilter-doorman.js';

export default definePlugin({
  name: 'netfilter',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.doorman({
      name: 'netfilter',
      useClass: NetfilterDoorman,
      description: 'Holds the first packets for unikernels that do not run, so that a connection wakes them (Linux)',
      options: doormanOptions,
    });
  },
});
