import type { UnikernelId } from '@jitsud/core';
import { createHash } from 'node:crypto';

/** The uuid of a process by that name on that connection: always the same (in the form of RFC 9562, 5.5). */
export function unikernelId(connection: string, name: string): UnikernelId {
  const digest = createHash('sha1').update(`jitsu process\0${connection}\0${name}`).digest().subarray(0, 16);
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x50, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  return digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
