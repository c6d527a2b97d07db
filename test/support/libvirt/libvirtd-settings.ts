/** libvirtd.conf: its sockets are in a folder, and whoever may open them is let in. */
export function libvirtdConf(folder: string): string {
  return `unix_sock_dir = "${folder}"
auth_unix_ro = "none"
auth_unix_rw = "none"
`;
}

/**
 * qemu.conf: QEMU is root and is not confined, so that it may read its files wherever the tests are, and so that libvirt
 * does not probe it anew at each start, as it does where that user may not open /dev/kvm. What it writes goes to files
 * of its own rather than through virtlogd.
 */
export const QEMU_CONF = `user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
`;

/**
 * Runs libvirtd ($2) with the folders in $1 in the place of its own. It wants a mount namespace of its own, as
 * `ip netns exec` makes one. All of /run is replaced: nothing of systemd, D-Bus or firewalld is found there. Of all the
 * QEMUs that the machine may have, libvirtd finds only the one that the guests need, since it probes each at its start.
 */
export const LIBVIRTD_SCRIPT = `set -e
mount --bind "$1/etc" /etc/libvirt
for name in lib cache log; do mount --bind "$1/$name" "/var/$name/libvirt"; done
for qemu in /usr/bin/qemu-system-*; do
  case $qemu in
    *-x86_64) ;;
    *) if [ ! -L "$qemu" ]; then mount --bind /dev/null "$qemu"; fi ;;
  esac
done
mount --bind "$1/run" /run
exec "$2"
`;
