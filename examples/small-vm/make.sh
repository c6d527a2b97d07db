#!/bin/sh
# Makes a small virtual machine for libvirt of what this machine has: its kernel, some of that kernel's modules, busybox.
#
#   sudo sh make.sh [FOLDER]
#
# Variables that change what it makes: NAME, ADDRESS (in 192.168.122.0/24, libvirt's default network), TYPE (kvm, or
# qemu for a machine without KVM), KERNEL (a file) and MODULES (the folder with that kernel's modules.dep).
set -eu
umask 022
folder=${1:-/var/lib/libvirt/images/small-vm}
name=${NAME:-small-vm}
address=${ADDRESS:-192.168.122.80}
kernel=${KERNEL:-/boot/vmlinuz-$(uname -r)}
modules=${MODULES:-/lib/modules/$(uname -r)}
here=$(dirname "$0")

if (: <>/dev/kvm) 2>/dev/null; then type=kvm; else type=qemu; fi
type=${TYPE:-$type}

busybox=$(command -v busybox) || { echo 'busybox is not installed (Debian: busybox-static)' >&2; exit 1; }
if ldd "$busybox" >/dev/null 2>&1; then echo "$busybox needs libraries; install busybox-static" >&2; exit 1; fi
if [ ! -r "$kernel" ] || [ ! -r "$modules/modules.dep" ]; then
  echo "$kernel and $modules/modules.dep are needed: name others by KERNEL and MODULES" >&2
  exit 1
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/dev" "$root/modules" "$root/proc" "$root/sys" "$root/www/cgi-bin"
cp "$busybox" "$root/bin/busybox"
install -m 755 "$here/init" "$root/init"
install -m 755 "$here/page" "$root/www/cgi-bin/index.cgi"

# The drivers of its network card and its power button. A line of modules.dep is a module and what it needs, of which
# the last is loaded first. A driver that is in no line is part of the kernel.
number=100
for driver in virtio_pci virtio_net button evdev; do
  grep "/$driver\.ko[.a-z]*:" "$modules/modules.dep" | tr -d : | awk '{ for (i = NF; i > 0; i--) print $i }'
done | awk '!seen[$0]++' | while read -r file; do
  number=$((number + 1))
  case $file in
    *.xz) busybox xzcat "$modules/$file" ;;
    *.zst) zstd -dcq "$modules/$file" ;;
    *.gz) busybox zcat "$modules/$file" ;;
    *) cat "$modules/$file" ;;
  esac >"$root/modules/$number-$(basename "${file%%.ko*}").ko"
done

# libvirt may have made the old files QEMU's own; they are replaced, not written to.
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -f "$folder/kernel" "$folder/initrd" "$folder/$name.xml"
install -m 644 "$kernel" "$folder/kernel"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) | gzip >"$folder/initrd"
cat >"$folder/$name.xml" <<XML
<domain type='$type'>
  <name>$name</name>
  <memory unit='MiB'>128</memory>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$folder/kernel</kernel>
    <initrd>$folder/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 address=$address</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <interface type='network'>
      <source network='default'/>
      <mac address='$(echo "$address" | awk -F. '{ printf "52:54:%02x:%02x:%02x:%02x", $1, $2, $3, $4 }')'/>
      <model type='virtio'/>
    </interface>
    <console type='pty'/>
  </devices>
</domain>
XML
echo "$folder/$name.xml describes a machine of type $type at $address."
