import type { MachineId } from '@jitsud/core/plugin';
import { createHash } from 'node:crypto';

/** The uuid of a domain that was given none: always the same for the same name (in the form of RFC 9562, 5.8). */
export function unikernelId(connection: string, name: string): MachineId {
  const hex = createHash('sha256')
    .update(JSON.stringify(['jitsu libxl', connection, name]))
    .digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
