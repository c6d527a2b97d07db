import { readFileSync } from 'node:fs';
import { Refusal } from './call-failure.js';

/**
 * The versions of Xen whose libxl.h declares the functions as this plugin calls them: compared for 4.14, 4.17 and 4.20.
 * The sizes of structures differ between them, and are measured.
 */
const OLDEST = { major: 4, minor: 14 };
const NEWEST = { major: 4, minor: 20 };

export interface XenVersion {
  readonly major: number;
  readonly minor: number;
}

/** The version of the running hypervisor: only its own libxl can talk to it. */
export function runningXen(folder = '/sys/hypervisor/version'): XenVersion {
  const part = (name: string): number => {
    try {
      return Number.parseInt(readFileSync(`${folder}/${name}`, 'utf8'), 10);
    } catch (cause) {
      const message = `the version of the hypervisor cannot be read from ${folder}/${name}`;
      throw new Refusal({ kind: 'unfit', message: `${message}: ${(cause as Error).message}` });
    }
  };
  return { major: part('major'), minor: part('minor') };
}

/** Throws for a version whose libxl this plugin cannot call. */
export function checkVersion({ major, minor }: XenVersion): void {
  if (major === OLDEST.major && minor >= OLDEST.minor && minor <= NEWEST.minor) return;
  const known = `${OLDEST.major}.${OLDEST.minor} to ${NEWEST.major}.${NEWEST.minor}`;
  const isNewer = major > NEWEST.major || (major === NEWEST.major && minor > NEWEST.minor);
  const advice = isNewer
    ? 'update @jitsud/plugin-libxl, or use libvirt (-x libvirt -c xen:///)'
    : 'use libvirt (-x libvirt -c xen:///)';
  const message = `this is Xen ${major}.${minor}, and how libxl is called is known for ${known} only: ${advice}`;
  throw new Refusal({ kind: 'unfit', message });
}
