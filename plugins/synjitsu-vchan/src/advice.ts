import { errorCode } from '@jitsud/core/plugin';
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';

/** The packages to install where libxenvchan is missing. */
export const PACKAGES =
  'Its package: apt-get install libxenmisc4.17 or that of another version (Debian, Ubuntu), dnf install xen-libs (Fedora), apk add xen-libs (Alpine).';

const XEN = 'xen';

/** The devices that a vchan needs on this side, with the kernel module that provides each. */
const DEVICES = {
  client: { '/dev/xen/evtchn': 'xen-evtchn', '/dev/xen/gntdev': 'xen-gntdev' },
  server: { '/dev/xen/evtchn': 'xen-evtchn', '/dev/xen/gntalloc': 'xen-gntalloc' },
} as const;

/** Whether this is a domain of Xen without the devices for a vchan. */
export async function lacksDevices(side: keyof typeof DEVICES): Promise<boolean> {
  return (await hypervisorType()) === XEN && (await findObstacles(side)).length > 0;
}

/** Looks for the usual obstacles to a vchan, and describes those it finds; empty where there are none. */
export async function findObstacles(side: keyof typeof DEVICES): Promise<readonly string[]> {
  const hypervisor = await hypervisorType();
  if (hypervisor === undefined) return ['This machine does not run on Xen: there is no /sys/hypervisor/type.'];
  if (hypervisor !== XEN) return [`This machine runs on ${hypervisor}, not on Xen.`];
  const obstacles = await Promise.all(Object.entries(DEVICES[side]).map(([path, module]) => obstacleAt(path, module)));
  return obstacles.filter((obstacle) => obstacle !== undefined);
}

async function obstacleAt(device: string, module: string): Promise<string | undefined> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return `There is no ${device}: modprobe ${module}.`;
    return `${device} is not for this user: run Jitsu as root.`;
  }
}

/** The type of hypervisor that Linux reports; undefined where it reports none. */
async function hypervisorType(): Promise<string | undefined> {
  const type = await readFile('/sys/hypervisor/type', 'utf8').catch(() => undefined);
  return type?.trim();
}
