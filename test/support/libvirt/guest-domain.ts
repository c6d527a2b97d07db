import { guestCommandLine, type GuestOptions } from '../guest/guest-command-line.js';
import type { GuestImage } from '../guest/guest-image.js';

/** A guest as libvirt is told of it. */
export interface GuestDomain {
  readonly name: string;
  readonly uuid: string;
  /** On the bridge of the {@link PrivateLibvirtd}. */
  readonly address: string;
  readonly mac: string;
}

/** The domain XML of a guest, which is emulated in software and has one network card on a bridge. */
export function guestDomainXml(
  { name, uuid, address, mac }: GuestDomain,
  { kernel, initrd }: GuestImage,
  bridge: string,
  consoleFile: string,
  options: GuestOptions,
): string {
  return `<domain type='qemu'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <memory unit='MiB'>96</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${kernel}</kernel>
    <initrd>${initrd}</initrd>
    <cmdline>${guestCommandLine('ttyS0', address, options)}</cmdline>
  </os>
  <features>
    <acpi/>
  </features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <interface type='bridge'>
      <source bridge='${bridge}'/>
      <mac address='${mac}'/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
    <serial type='file'>
      <source path='${consoleFile}'/>
    </serial>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <panic model='isa'/>
  </devices>
</domain>
`;
}
