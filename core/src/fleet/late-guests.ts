import { readFileSync } from 'node:fs';
import type { UnikernelSettings } from '../config/settings.js';
import { Neighbours } from '../plugin-kit/neighbours.js';
import type { BackendFinding } from './check-backends.js';

/** capabilities(7) */
const CAP_NET_ADMIN = 12n;

/** The number of unikernels whose addresses are looked up. */
const MOST = 1_000;

/**
 * A warning where guests are reached by Ethernet, and neither this process nor one that it would start may tell the kernel
 * where they are.
 * @param mayTell whether it may
 */
export async function lateGuests(
  unikernels: readonly UnikernelSettings[],
  mayTell = hasNetAdmin(),
): Promise<readonly BackendFinding[]> {
  const probed = unikernels.filter(({ addresses, ready }) => addresses.length > 0 && ready.length > 0);
  if (mayTell || probed.length === 0) return [];
  try {
    using neighbours = await Neighbours.open();
    const isNear = (address: string): boolean => neighbours.knowledge(address) !== 'elsewhere';
    const first = probed.slice(0, MOST).find(({ addresses }) => addresses.some(isNear));
    if (first === undefined) return [];
    const message = `${first.name} is reached by Ethernet, and Jitsu may not tell the kernel where it is: unless it announces itself when it boots, it is seen up to a second late. The right to it is CAP_NET_ADMIN.`;
    return [{ backend: first.backend, code: 'JITSU_BACKEND_DENIED', message, isWarning: true }];
  } catch {
    // Without Linux, koffi or netlink nothing can be told of it.
    return [];
  }
}

function hasNetAdmin(): boolean {
  try {
    const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    return ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
  } catch {
    return false;
  }
}
