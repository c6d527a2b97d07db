import type { MachineId } from '@jitsud/core/plugin';
import { createHash } from 'node:crypto';

/** The vendor prefix of Xen's virtual interfaces. */
const XEN_PREFIX = '00:16:3e';

/** The MAC address of a guest's n-th network interface, the same one for each boot. */
export function macAddress(id: MachineId, index: number): string {
  const hex = createHash('sha256').update(`${id} ${index}`).digest('hex');
  return `${XEN_PREFIX}:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}
