import { definePlugin } from '@jitsud/core/plugin';

export default definePlugin({
  name: 'netfilter',
  apiVersion: '^1.0.0',
  register() {
    // What it contributes comes with the gate.
  },
});
