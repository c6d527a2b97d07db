import { existsSync } from 'node:fs';
import { nativePackageAdvice } from '@jitsud/core/plugin';
import { LibvirtErrorNumber } from './error-name.js';
import type { CallFailed } from './call-failed.js';

const DENIED: ReadonlySet<number | undefined> = new Set([
  LibvirtErrorNumber.VIR_ERR_AUTH_FAILED,
  LibvirtErrorNumber.VIR_ERR_AUTH_CANCELLED,
  LibvirtErrorNumber.VIR_ERR_AUTH_UNAVAILABLE,
  LibvirtErrorNumber.VIR_ERR_OPERATION_DENIED,
  LibvirtErrorNumber.VIR_ERR_ACCESS_DENIED,
]);

const BY_DRIVER: ReadonlyMap<string, string> = new Map([
  ['qemu', 'Is libvirtd (or virtqemud) running, with its QEMU driver (Debian: libvirt-daemon-system)?'],
  [
    'xen',
    "Is this a Xen dom0 (/proc/xen/capabilities says control_d), with libvirtd and its Xen driver running (Debian: libvirt-daemon-driver-xen)? Another hypervisor's URI goes to -c.",
  ],
  [
    'vbox',
    "Is VirtualBox installed, with libvirt's driver for it (Debian: libvirt-daemon-driver-vbox), for the user who runs Jitsu?",
  ],
  ['lxc', "Is libvirtd (or virtlxcd) running, with libvirt's LXC driver (Debian: libvirt-daemon-driver-lxc)?"],
]);

/** Whether libvirt was reached and denied access. */
export function isDenied({ number }: CallFailed): boolean {
  return DENIED.has(number);
}

/** Refusals of the URI itself: no driver or transport is known by it. */
const UNUSABLE: ReadonlySet<number | undefined> = new Set([
  LibvirtErrorNumber.VIR_ERR_NO_CONNECT,
  LibvirtErrorNumber.VIR_ERR_INVALID_ARG,
  LibvirtErrorNumber.VIR_ERR_NO_SUPPORT,
  LibvirtErrorNumber.VIR_ERR_CONFIG_UNSUPPORTED,
  LibvirtErrorNumber.VIR_ERR_ARGUMENT_UNSUPPORTED,
]);

/** The schemes of libvirt's drivers (drvuri.html), without which it would look for a daemon that knows any other. */
const DRIVERS = new Set(
  'bhyve ch esx gsx hyperv lxc openvz parallels phyp qemu remote test vbox vmwarefusion vmwareplayer vmwarews vpx vz xen'.split(
    ' ',
  ),
);

/** Whether the same attempt will fail later, too: there is no libvirt or no Xen here, or the URI is not understood. */
export function willLast(uri: string, { failure, number }: CallFailed): boolean {
  const [, driver = ''] = /^([a-z][a-z0-9]*)(?:\+[a-z0-9-]+)?:/i.exec(uri) ?? [];
  // The local one: no daemon can bring the hypervisor that this machine does not run on.
  if (/^xen:\/\/\//i.test(uri) && !existsSync('/proc/xen') && !existsSync('/sys/hypervisor/type')) return true;
  return (
    failure.kind === 'library-missing' ||
    failure.kind === 'defect' ||
    !DRIVERS.has(driver.toLowerCase()) ||
    UNUSABLE.has(number)
  );
}

/** What to check when libvirt at this URI cannot be used. */
export function connectionAdvice(uri: string, failed: CallFailed): string {
  const { failure } = failed;
  if (failure.kind === 'library-missing') {
    return "libvirt's C library is not installed: apt-get install libvirt0 (Debian, Ubuntu), dnf install libvirt-libs (Fedora), brew install libvirt (macOS).";
  }
  if (failure.kind === 'defect') return `${nativePackageAdvice('koffi', import.meta.url)}.`;

  const [, driver = '', transport] = /^([a-z0-9]+)(?:\+([a-z0-9]+))?:/i.exec(uri) ?? [];
  if (transport === 'ssh' || transport === 'libssh' || transport === 'libssh2') {
    return `Does \`virsh -c ${uri} list\` work for the user who runs Jitsu, without asking for a password?`;
  }
  if (isDenied(failed) || /permission denied/i.test(failure.message)) {
    return 'May the user who runs Jitsu use libvirt (Debian: member of the group libvirt)?';
  }
  return BY_DRIVER.get(driver) ?? `Does \`virsh -c ${uri} list\` work?`;
}
