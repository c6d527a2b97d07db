/**
 * The kernel modules of a guest of QEMU, each after those that it needs: the network card, the power button with the
 * device through which a program hears it, and the device through which a kernel that panics tells its hypervisor.
 */
const QEMU_MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_modern_dev',
  'virtio_pci_legacy_dev',
  'virtio_pci',
  'failover',
  'net_failover',
  'virtio_net',
  'evdev',
  'button',
  'pvpanic',
  'pvpanic-mmio',
] as const;

/** Those of a guest of Xen: the network card. */
const XEN_MODULES = ['xen-netfront'] as const;

/** Those that a guest of Xen loads where it is told to: for disks, and for programs that use grants and events. */
const MORE_MODULES = ['xen-blkfront', 'xen-evtchn', 'xen-gntdev', 'xen-gntalloc', 'xen-privcmd', 'xenfs'] as const;

/** A module that a guest of Xen need not load. */
export type GuestModule = (typeof MORE_MODULES)[number];

/** All that an image needs. */
export const GUEST_MODULES = [...QEMU_MODULES, ...XEN_MODULES, ...MORE_MODULES] as const;

/**
 * What a guest runs, as process 1. It obeys these words of its kernel's command line:
 *
 * - `jitsu.address=10.77.0.2/24`: its address, on its first network card.
 * - `jitsu.gateway=10.77.0.1`: where it sends what is for other networks.
 * - `jitsu.echo`: it says back what it hears at TCP port 7, before it serves.
 * - `jitsu.slow=5`: it waits so many seconds before it serves.
 * - `jitsu.deaf`: it does not hear when it is asked to shut down.
 * - `jitsu.crash`: its kernel panics before it has an address.
 * - `jitsu.read=rumprun/cfg`: before all else it reads this key of xenstore, and prints it.
 * - `jitsu.load=xen-blkfront`: it loads this module too; given any number of times.
 * - `jitsu.run=/bin/program`: it runs this program, which somebody has added to its files, when it serves.
 * - `jitsu.write=data/ready`: it writes this key of xenstore when it serves.
 *
 * A message to xenstore is four little-endian words (2 to read or 11 to write, request, transaction, length) and the
 * payload: xen/io/xs_wire.h.
 */
export const GUEST_INIT = `#!/bin/busybox sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
for word in $(busybox cat /proc/cmdline); do
  case $word in
    jitsu.address=*) address=\${word#*=} ;;
    jitsu.gateway=*) gateway=\${word#*=} ;;
    jitsu.echo) echo=yes ;;
    jitsu.slow=*) slow=\${word#*=} ;;
    jitsu.deaf) deaf=yes ;;
    jitsu.crash) crash=yes ;;
    jitsu.read=*) read=\${word#*=} ;;
    jitsu.write=*) write=\${word#*=} ;;
    jitsu.load=*) more="$more \${word#*=}" ;;
    jitsu.run=*) program=\${word#*=} ;;
  esac
done
xenstore() {
  printf "\\\\x$1\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\x$(printf %02x "$2")\\\\0\\\\0\\\\0$3" >&3
  busybox dd bs=8192 count=1 <&3 2>/dev/null | busybox tail -c +17
}
if [ -e /dev/xen/xenbus ]; then
  exec 3<>/dev/xen/xenbus
  if [ -n "$read" ]; then echo "$read is $(xenstore 02 $((\${#read} + 1)) "$read\\\\0")"; fi
  modules='${XEN_MODULES.join(' ')}'
else
  modules='${QEMU_MODULES.join(' ')}'
fi
for module in $modules $more; do
  for file in /lib/$module.ko*; do
    if [ -e "$file" ]; then busybox insmod "$file"; fi
  done
done
# Without process 1 the kernel panics.
if [ -n "$crash" ]; then exit 1; fi
if [ -z "$deaf" ]; then
  for device in /dev/input/event*; do
    (busybox dd if="$device" of=/dev/null bs=24 count=1 2>/dev/null && busybox poweroff -f) &
  done
  # What the kernel runs when Xen asks it to.
  for name in poweroff reboot; do
    printf '#!/bin/busybox sh\\nbusybox %s -f\\n' $name >/sbin/$name
    busybox chmod +x /sbin/$name
  done
fi
while [ ! -e /sys/class/net/eth0 ]; do busybox usleep 10000; done
busybox ip address add "$address" dev eth0
busybox ip link set eth0 up
if [ -n "$gateway" ]; then busybox ip route add default via "$gateway"; fi
if [ -n "$echo" ]; then busybox nc -ll -p 7 -e busybox cat & fi
while [ "$(busybox cat /sys/class/net/eth0/carrier)" != 1 ]; do busybox usleep 10000; done
# It tells the network of itself, so that who asked for it too early need not wait until he asks again.
busybox arping -U -c 1 -I eth0 "\${address%/*}" >/dev/null &
if [ -n "$slow" ]; then busybox sleep "$slow"; fi
busybox httpd -p 80 -h /www
read -r uptime rest </proc/uptime
echo "serving at $uptime"
if [ -n "$write" ]; then xenstore 0b $((\${#write} + \${#uptime} + 1)) "$write\\\\x00$uptime" >/dev/null; fi
if [ -n "$program" ]; then "$program" & fi
while :; do busybox sleep 1000; done
`;

/** What /cgi-bin/uptime runs: it answers with the {@link GuestPage}. */
export const GUEST_PAGE = `#!/bin/busybox sh
read -r uptime rest </proc/uptime
read -r boot </proc/sys/kernel/random/boot_id
printf 'Content-Type: application/json\\r\\n\\r\\n{"uptime": %s, "bootId": "%s"}\\n' "$uptime" "$boot"
`;

/** The page /cgi-bin/uptime of a guest. */
export interface GuestPage {
  /** For how many seconds it has run, to hundredths. */
  readonly uptime: number;
  /** Another one at each boot. */
  readonly bootId: string;
}
