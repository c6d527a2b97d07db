import { isIPv6 } from 'node:net';
import { errorCode } from '../errors.js';
import type { Endpoint } from './endpoint.js';
import { Linux } from './linux.js';
import { isOwnAddress, plainAddress, UNSPECIFIED } from './own-address.js';
import { socketAddress } from './socket-address.js';
import { callError, loadSocketCalls, type SocketCalls } from './socket-calls.js';

/** Whether an address could not be bound since this machine does not have it, or not yet. */
export function isAbsent(error: unknown): boolean {
  return errorCode(error) === 'EADDRNOTAVAIL';
}

/** Whether this machine has the address at this moment, or it stands for all addresses. */
export function hasAddress(address: string): boolean {
  const plain = plainAddress(address);
  return UNSPECIFIED.includes(plain) || isOwnAddress(plain);
}

/** Lets a socket be bound to an address that this machine does not have yet (ip(7), IP_FREEBIND). */
export function allowAbsent(calls: SocketCalls, descriptor: number, address: string): void {
  const [level, name] = isIPv6(address)
    ? [Linux.IPPROTO_IPV6, Linux.IPV6_FREEBIND]
    : [Linux.IPPROTO_IP, Linux.IP_FREEBIND];
  setOption(calls, descriptor, level, name);
}

/**
 * A socket that is bound to an address which may come later; from then on it receives. Rights are needed only now, so
 * that nothing has to be bound once Jitsu has given up root.
 * @throws NativeSocketsUnavailable, or the error of the system
 */
export async function bindEarly({ address, port }: Endpoint, type: 'UDP' | 'TCP'): Promise<number> {
  const calls = await loadSocketCalls();
  const kind = (type === 'UDP' ? Linux.SOCK_DGRAM : Linux.SOCK_STREAM) | Linux.SOCK_CLOEXEC | Linux.SOCK_NONBLOCK;
  const descriptor = calls.socket(isIPv6(address) ? Linux.AF_INET6 : Linux.AF_INET, kind, 0);
  if (descriptor < 0) throw callError('socket', calls.errorCode());
  try {
    if (isIPv6(address)) setOption(calls, descriptor, Linux.IPPROTO_IPV6, Linux.IPV6_V6ONLY);
    if (type === 'TCP') setOption(calls, descriptor, Linux.SOL_SOCKET, Linux.SO_REUSEADDR);
    allowAbsent(calls, descriptor, address);
    const name = socketAddress({ address, port }, calls);
    if (calls.bind(descriptor, name, name.length) !== 0) throw callError('bind', calls.errorCode());
    return descriptor;
  } catch (error) {
    calls.close(descriptor);
    throw error;
  }
}

function setOption(calls: SocketCalls, descriptor: number, level: number, name: number): void {
  const one = Buffer.alloc(4);
  one.writeInt32LE(1);
  if (calls.setsockopt(descriptor, level, name, one, one.length) !== 0)
    throw callError('setsockopt', calls.errorCode());
}
