import { definePlugin } from '@jitsud/core/plugin';
import { listenOptions, SynjitsuListen } from './synjitsu-listen.js';
import { SynjitsuNotifier } from './synjitsu-notifier.js';
import { synjitsuOptions } from './synjitsu-options.js';

export default definePlugin({
  name: 'synjitsu-vchan',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.notifier({
      name: 'synjitsu',
      useClass: SynjitsuNotifier,
      description: 'Tells the Synjitsu in a domain of Xen, over a vchan, of every unikernel that boots',
      options: synjitsuOptions,
    });
    registry.command({
      name: 'synjitsu-listen',
      useClass: SynjitsuListen,
      description: 'Stand where Synjitsu would, and show what a Jitsu tells it',
      options: listenOptions,
    });
  },
});
