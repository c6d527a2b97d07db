import type { Plugin } from '@jitsud/core';
import { ProcessBackend } from './process-backend.js';
import { processOptions } from './process-options.js';

export type { ProcessOptions } from './process-options.js';

export default {
  name: 'process',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      name: 'process',
      useClass: ProcessBackend,
      description: 'Programs of this machine: a server, solo5, firecracker or qemu command line',
      unikernel: processOptions,
    });
  },
} satisfies Plugin;
