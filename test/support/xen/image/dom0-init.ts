/**
 * What dom0 runs, as process 1: what an init system would start on a Xen host, then the suites, and then it powers off.
 * What Xen, the services and the guests have written to their logs goes to the third disk, as a tar archive.
 */
export const dom0Init = (xenPrograms: string): string => `#!/bin/busybox sh
export PATH=${xenPrograms}:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8
export JITSU_XEN_GUEST=/guest NO_COLOR=1
say() {
  read -r uptime rest </proc/uptime
  echo "dom0: $* ($uptime s)"
}
exec >/dev/hvc0 2>&1
say 'the root disk is mounted'
bb=/usr/bin/busybox
$bb mount -t tmpfs run /run
$bb mount -t tmpfs tmp /tmp
$bb mkdir -p /run/xenstored /run/xen /run/lock /dev/pts /dev/shm /var/lib/xen /var/log/xen/console
$bb mount -t devpts devpts /dev/pts
# Xen's scripts lock files by way of /dev/stdin, and try for ever where there is none.
$bb ln -s /proc/self/fd /dev/fd
$bb ln -s fd/0 /dev/stdin
$bb ln -s fd/1 /dev/stdout
$bb ln -s fd/2 /dev/stderr
$bb mount -t tmpfs shm /dev/shm
$bb mount -t xenfs xenfs /proc/xen
$bb hostname dom0
$bb ip link set lo up
echo '/var/log/core.%e.%p' >/proc/sys/kernel/core_pattern
xenstored --pid-file /run/xen/xenstored.pid
xen-init-dom0
xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console
# Its one processor is dom0's whenever dom0 wants it, however many guests boot.
xl sched-credit2 -d Domain-0 -w 65535
say 'xenstored and xenconsoled run'
cd /workspace
export LD_LIBRARY_PATH=/workspace/.node/lib
# Code that V8 compiles has to be translated once more by QEMU: that takes longer than to interpret it.
/workspace/.node/node --enable-source-maps --no-opt --no-sparkplug test/dist/support/xen/run-suites.js /dev/vport*p1
say "the suites ended with status $?"
$bb tar -cf /dev/vdc -C /var/log .
$bb poweroff -f
`;
