import { definePlugin } from '@jitsud/core/plugin';
import type { z } from 'zod';
import { STOP_MODES, LibvirtBackend } from './libvirt-backend.js';
import { connectionOptions, libvirtOptions, type ConnectionOptions } from './libvirt-options.js';
import { rootEquivalent } from './root-equivalent.js';

export type { ConnectionOptions, LibvirtOptions } from './libvirt-options.js';

declare module '@jitsud/core/plugin' {
  interface BackendOptions {
    libvirt: z.input<typeof libvirtOptions>;
  }
}

export default definePlugin({
  name: 'libvirt',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      name: 'libvirt',
      useClass: LibvirtBackend,
      description: 'Virtual machines of libvirt: QEMU and KVM, Xen, VirtualBox',
      stopModes: STOP_MODES,
      unikernel: libvirtOptions,
      connection: connectionOptions,
      rootEquivalent: ({ connect }: ConnectionOptions) => rootEquivalent(connect),
    });
  },
});
