import type { GuestImage } from './guest-image.js';

/** How a guest behaves; without any of these it serves about two seconds after its start. */
export interface GuestOptions {
  /** It does not hear its power button: `shutdown` leaves it running. */
  readonly deaf?: boolean;
  /** For how many seconds more it does not serve yet. */
  readonly slow?: number;
  /** Its kernel panics at boot, of which libvirt is told, and which ends the domain. */
  readonly crash?: boolean;
}

/** A guest as libvirt is told of it. */
export interface GuestDomain {
  readonly name: string;
  readonly uuid: string;
  /** On the bridge of the {@link PrivateLibvirtd}. */
  readonly address: string;
  readonly mac: string;
}

/** What spares a guest a second and a half of its boot: nothing is measured, tested or hardened. */
const HASTE = [
  'quiet',
  'panic=-1',
  'mitigations=off',
  'nokaslr',
  'cryptomgr.notests',
  'audit=0',
  'no_timer_check',
  'random.trust_cpu=on',
  'ipv6.disable=1',
];

/** The domain XML of a guest, which is emulated in software and has one network card on a bridge. */
export function guestDomainXml(
  { name, uuid, address, mac }: GuestDomain,
  { kernel, initrd }: GuestImage,
  bridge: string,
  consoleFile: string,
  { deaf, slow, crash }: GuestOptions,
): string {
  const commandLine = [
    'console=ttyS0',
    ...HASTE,
    `jitsu.address=${address}/24`,
    ...(deaf === true ? ['jitsu.deaf'] : []),
    ...(slow === undefined ? [] : [`jitsu.slow=${slow}`]),
    ...(crash === true ? ['jitsu.crash'] : []),
  ].join(' ');
  return `<domain type='qemu'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <memory unit='MiB'>96</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${kernel}</kernel>
    <initrd>${initrd}</initrd>
    <cmdline>${commandLine}</cmdline>
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
