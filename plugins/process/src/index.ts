import { definePlugin } from '@jitsud/core/plugin';
import type { z } from 'zod';
import { KEYS_FROM_ELSEWHERE } from './keys-from-elsewhere.js';
import { listenEndpoints } from './listen-option.js';
import { STOP_MODES, ProcessBackend } from './process-backend.js';
import { processOptions, type ProcessOptions } from './process-options.js';

export type { ProcessOptions } from './process-options.js';

declare module '@jitsud/core/plugin' {
  interface BackendOptions {
    process: z.input<typeof processOptions>;
  }
}

export default definePlugin({
  name: 'process',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      name: 'process',
      useClass: ProcessBackend,
      description: 'Programs of this machine: a server, or a solo5, firecracker or qemu command line',
      stopModes: STOP_MODES,
      defaultStopMode: 'shutdown',
      unikernel: processOptions,
      foreignKeys: KEYS_FROM_ELSEWHERE,
      memory: (options) => (options as ProcessOptions).limits?.memory,
      holds: (options) => (options as ProcessOptions).listen !== undefined,
      listens: (options, addresses) => listenEndpoints((options as ProcessOptions).listen ?? [], addresses),
    });
  },
});
