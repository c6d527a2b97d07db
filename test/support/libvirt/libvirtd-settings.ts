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
