import { connect, isIP, isIPv6, Socket } from 'node:net';
import type { Endpoint } from './endpoint.js';
import { Linux } from './linux.js';
import { loadedSocketCalls, loadSocketCalls, type SocketCalls } from './socket-calls.js';

/** Of all connections by which this process finds out whether services answer; they have none where it is undefined. */
let probeMark: number | undefined;

/**
 * From now on the packets of readiness probes have a mark (SO_MARK, socket(7)), by which a doorman tells them from those of
 * clients. It takes CAP_NET_ADMIN; where that is missing, they have none. @throws NativeSocketsUnavailable
 */
export async function markProbes(mark: number | undefined): Promise<void> {
  if (mark !== undefined) await loadSocketCalls();
  probeMark = mark;
}

/** Marks a socket that connects for a probe. */
export function markForProbe(descriptor: number, calls: Pick<SocketCalls, 'setsockopt'>): void {
  if (probeMark === undefined) return;
  const value = Buffer.alloc(4);
  value.writeUInt32LE(probeMark);
  calls.setsockopt(descriptor, Linux.SOL_SOCKET, Linux.SO_MARK, value, value.length);
}

/** Connects for a probe, as `connect` of node:net does. */
export function connectForProbe({ address, port }: Endpoint): Socket {
  const calls = loadedSocketCalls();
  if (probeMark !== undefined && calls !== undefined && isIP(address) !== 0) {
    const family = isIPv6(address) ? Linux.AF_INET6 : Linux.AF_INET;
    const descriptor = calls.socket(family, Linux.SOCK_STREAM | Linux.SOCK_CLOEXEC | Linux.SOCK_NONBLOCK, 0);
    if (descriptor >= 0) {
      markForProbe(descriptor, calls);
      return new Socket({ fd: descriptor }).setNoDelay().connect({ host: address, port });
    }
  }
  return connect({ host: address, port, noDelay: true });
}
