import type { MachineId } from '@jitsud/core/plugin';
import { resolve } from 'node:path';
import type { LibxlOptions } from './libxl-options.js';
import { macAddress } from './mac-address.js';

/**
 * A libxl_domain_config in libxl's own JSON, with the members that this plugin sets. Absent members have libxl's
 * defaults.
 */
export interface DomainConfig {
  readonly c_info: {
    readonly type: 'pv' | 'pvh';
    readonly name: string;
    readonly uuid: string;
    readonly run_hotplug_scripts: 'True';
  };
  readonly b_info: {
    readonly max_vcpus: number;
    /** The numbers of the bits that are set. */
    readonly avail_vcpus: readonly number[];
    readonly max_memkb: number;
    readonly target_memkb: number;
    readonly kernel: string;
    readonly ramdisk?: string;
    readonly cmdline?: string;
    readonly 'type.pv'?: object;
    readonly 'type.pvh'?: object;
  };
  readonly nics: readonly { devid: number; mac: string; bridge: string; script?: string }[];
  readonly disks: readonly { pdev_path: string; vdev: string; format: 'raw'; readwrite: 1 }[];
}

/**
 * Relative paths are relative to the folder in which Jitsu runs. libxl itself chooses each disk's backend by the file's
 * kind.
 */
export function domainConfig(id: MachineId, options: LibxlOptions): DomainConfig {
  const { name, type, kernel, ramdisk, cmdline, memory, vcpus, nic, script, disk } = options;
  return {
    c_info: { type, name, uuid: id, run_hotplug_scripts: 'True' },
    b_info: {
      max_vcpus: vcpus,
      avail_vcpus: Array.from({ length: vcpus }, (_, index) => index),
      max_memkb: memory,
      target_memkb: memory,
      kernel: resolve(kernel),
      ...(ramdisk !== undefined && { ramdisk: resolve(ramdisk) }),
      ...(cmdline !== undefined && { cmdline }),
      [`type.${type}`]: {},
    },
    nics: nic.map((bridge, index) => {
      const own = script[index % script.length];
      return { devid: index, mac: macAddress(id, index), bridge, ...(own !== undefined && { script: own }) };
    }),
    disks: disk.map(({ path, device }) => ({
      ...{ pdev_path: resolve(path), vdev: device },
      ...{ format: 'raw', readwrite: 1 },
    })),
  };
}
