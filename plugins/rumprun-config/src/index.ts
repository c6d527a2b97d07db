import { definePlugin } from '@jitsud/core/plugin';
import { RumprunConfig } from './rumprun-config.js';

export default definePlugin({
  name: 'rumprun-config',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.bootConfigurator({ name: 'rumprun-config', useClass: RumprunConfig });
  },
});
