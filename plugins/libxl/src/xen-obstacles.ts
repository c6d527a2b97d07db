import { errorMessage, JitsuError } from '@jitsud/core/plugin';
import { socketPath } from '@jitsud/xenstore';
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { CallFailed } from './call-failed.js';

/** The devices for calls to the hypervisor: libxl opens the first, or on an old kernel the second. */
const DEVICES = ['/dev/xen/privcmd', '/proc/xen/privcmd'];

/** The paths of everything that is checked, so that tests can replace them. */
export interface XenPlaces {
  readonly hypervisorType: string;
  readonly capabilities: string;
  readonly devices: readonly string[];
  readonly socket: string;
}

const places = (): XenPlaces => ({
  hypervisorType: '/sys/hypervisor/type',
  capabilities: '/proc/xen/capabilities',
  devices: DEVICES,
  socket: socketPath(),
});

/** What keeps this process from using Xen. */
export interface Obstacle {
  /** Says what to do. */
  readonly sentence: string;
  /** Whether it may be gone later without anybody's doing: a daemon that is still to be started. */
  readonly mayPass?: true;
}

/** Every obstacle between this process and Xen. Takes milliseconds. */
export async function obstacles(within = places()): Promise<Obstacle[]> {
  const { hypervisorType, capabilities, devices, socket } = within;
  const found = await Promise.all([
    checkHypervisor(hypervisorType),
    checkDom0(capabilities),
    checkDevice(devices),
    checkXenstored(socket),
  ]);
  return found
    .filter((obstacle) => obstacle !== undefined)
    .map((obstacle) => (typeof obstacle === 'string' ? { sentence: obstacle } : obstacle));
}

/** The error for a host on which obstacles were found. */
export function noXen(found: readonly Obstacle[]): JitsuError {
  const list = found.map(({ sentence }) => `\n  - ${sentence}`).join('');
  const code = found.every(({ mayPass }) => mayPass) ? 'JITSU_BACKEND_UNREACHABLE' : 'JITSU_BACKEND_FAILED';
  return new JitsuError(code, `libxl cannot be used on this machine:${list}`);
}

/** The error for a libxl that cannot be opened where nothing else is missing. */
export function noLibxl(error: unknown): JitsuError {
  if (!(error instanceof CallFailed)) {
    return error instanceof JitsuError ? error : noXen([{ sentence: errorMessage(error) }]);
  }
  const { failure } = error;
  const obstacle = failure.kind === 'library-missing' ? missing(failure.file, failure.message) : `${error.message}.`;
  return new JitsuError('JITSU_BACKEND_FAILED', noXen([{ sentence: obstacle }]).message, { cause: error });
}

function missing(file: string, message: string): string {
  const version = /\d+\.\d+$/.exec(file)?.[0] ?? 'VERSION';
  const advice = `apt-get install libxenmisc${version} (Debian, Ubuntu), dnf install xen-libs (Fedora)`;
  return `The library of the hypervisor that runs, ${file}, cannot be loaded: ${message}. Install it: ${advice}.`;
}

async function checkHypervisor(file: string): Promise<string | undefined> {
  const type = await contentOf(file);
  if (type === 'xen') return undefined;
  const what = type === undefined ? `there is no ${file}` : `${file} says '${type}'`;
  return `The kernel does not run on Xen (${what}). Boot the machine with the Xen hypervisor: xen-system-amd64 (Debian), xen (Fedora).`;
}

async function checkDom0(file: string): Promise<string | undefined> {
  const capabilities = await contentOf(file);
  if (capabilities === undefined) {
    return `xenfs is not mounted (there is no ${file}). In dom0: mount -t xenfs xenfs /proc/xen.`;
  }
  if (capabilities.includes('control_d')) return undefined;
  return `This is not dom0 (${file} does not say control_d). Run Jitsu in the domain that controls the others.`;
}

async function checkDevice(devices: readonly string[]): Promise<string | undefined> {
  const refusals: string[] = [];
  for (const device of devices) {
    try {
      await access(device, constants.R_OK | constants.W_OK);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      refusals.push(`${device}: ${code === 'ENOENT' ? 'not there' : errorMessage(error)}`);
      if (code === 'EACCES' || code === 'EPERM')
        return `The hypervisor may not be called by this user (${device}). Run Jitsu as root.`;
    }
  }
  return `The hypervisor cannot be called (${refusals.join('; ')}). Load the module xen_privcmd, and run Jitsu as root.`;
}

async function checkXenstored(path: string): Promise<string | Obstacle | undefined> {
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const socket = createConnection(path, () => resolve(undefined));
    socket.on('error', resolve);
    socket.on('close', () => resolve(undefined));
    socket.on('connect', () => socket.destroy());
  });
  // EAGAIN: other clients wait to connect, so xenstored runs.
  if (error === undefined || error.code === 'EAGAIN') return undefined;
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return `xenstored at ${path} does not let this user in. Run Jitsu as root.`;
  }
  const sentence = `xenstored does not answer at ${path} (${error.code ?? error.message}). Start it (systemctl start xenstored, or service xen start), or name its socket in XENSTORED_PATH.`;
  return { sentence, mayPass: true };
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
