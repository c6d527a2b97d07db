import { definePlugin } from '@jitsud/core/plugin';
import { listenOptions, SynjitsuListen } from './synjitsu-listen.js';
import { SynjitsuNotifier } from './synjitsu-notifier.js';
import { synjitsuKeys, synjitsuOptions } from './synjitsu-options.js';

declare module '@jitsud/core/plugin' {
  interface UnikernelKeys {
    /** Whether Synjitsu is told of it; true where absent. */
    readonly useSynjitsu?: boolean | 0 | 1;
  }
}

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
    registry.unikernelKeys({ keys: synjitsuKeys });
    registry.command({
      name: 'synjitsu-listen',
      useClass: SynjitsuListen,
      description: 'Stand where Synjitsu would, and show what a Jitsu tells it',
      options: listenOptions,
    });
  },
});
