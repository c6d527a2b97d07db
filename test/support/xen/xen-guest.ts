import type { ArchivedFile } from '../guest/cpio-archive.js';
import type { GuestOptions } from '../guest/guest-command-line.js';

/** What a guest is, and how it behaves. */
export interface XenGuestOptions extends GuestOptions {
  /** `pv` where it is not said. */
  readonly type?: 'pv' | 'pvh';
  /**
   * `linux`, where it is not said, serves a page about itself. `idle`, for PV, is a kernel that sleeps: it is there at
   * once, has no card, serves nothing and hears nothing.
   */
  readonly kernel?: 'linux' | 'idle';
  /** What Linux finds in its root folder beside its own files. Folders come before what is in them. */
  readonly files?: readonly ArchivedFile[];
  /** In MiB. */
  readonly memory?: number;
}

/** A guest of Xen, as any toolstack is told of it. */
export interface XenGuest {
  readonly name: string;
  /** Of its MAC and its address. */
  readonly number: number;
  readonly type: 'pv' | 'pvh';
  readonly kernel: string;
  readonly ramdisk?: string;
  readonly commandLine: string;
  /** In MiB. */
  readonly memory: number;
  readonly mac: string;
  readonly address: string;
  readonly bridge: string;
  readonly script: string;
}

/** Its configuration, as `xl create` reads it. A guest that has crashed stays, to be looked at. */
export function xlConfig(guest: XenGuest): string {
  return `name = "${guest.name}"
type = "${guest.type}"
kernel = "${guest.kernel}"
${guest.ramdisk === undefined ? '' : `ramdisk = "${guest.ramdisk}"\n`}cmdline = "${guest.commandLine}"
memory = ${guest.memory}
vcpus = 1
vif = ["mac=${guest.mac},bridge=${guest.bridge},script=${guest.script}"]
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "preserve"
`;
}
