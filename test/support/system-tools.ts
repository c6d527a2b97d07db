/**
 * Each program that a suite may need, and the Debian packages that bring it and what it needs to work, separated by
 * spaces: `npm test` as root installs what lacks.
 */
export const SYSTEM_TOOLS = {
  busybox: 'busybox-static',
  cc: 'gcc libc6-dev',
  chromium: 'chromium',
  dig: 'bind9-dnsutils',
  delv: 'bind9-dnsutils',
  dnsmasq: 'dnsmasq-base',
  drill: 'ldnsutils',
  ip: 'iproute2',
  iptables: 'iptables',
  kdig: 'knot-dnsutils',
  knotd: 'knot',
  libvirtd: 'libvirt-daemon-system libvirt-daemon-driver-qemu',
  nft: 'nftables',
  nginx: 'nginx-light',
  openssl: 'openssl',
  psql: 'postgresql',
  python3: 'python3',
  virsh: 'libvirt-clients',
  'qemu-system-x86_64': 'qemu-system-x86',
  script: 'bsdutils',
  setpriv: 'util-linux',
  sshd: 'openssh-server openssh-client',
  mke2fs: 'e2fsprogs',
  sqlite3: 'sqlite3',
  unbound: 'unbound',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  xz: 'xz-utils',
  lz4: 'lz4',
} as const;

export type SystemTool = keyof typeof SYSTEM_TOOLS;
