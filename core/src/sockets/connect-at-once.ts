import { isIPv6, Socket } from 'node:net';
import type { Endpoint } from '../config/settings.js';
import { Linux } from './linux.js';
import { socketAddress } from './socket-address.js';
import type { SocketCalls } from './socket-calls.js';

/**
 * Connects to a TCP port where that is decided at once, as it is on this machine: to an open socket, or `refused`, which
 * is any error. `undecided` means that the attempt has been given up before its answer came. Of what an attempt by Node
 * costs this takes a tenth, which counts where many services are waited for.
 */
export function connectAtOnce(calls: SocketCalls, endpoint: Endpoint): Socket | 'refused' | 'undecided' {
  const family = isIPv6(endpoint.address) ? Linux.AF_INET6 : Linux.AF_INET;
  const descriptor = calls.socket(family, Linux.SOCK_STREAM | Linux.SOCK_CLOEXEC | Linux.SOCK_NONBLOCK, 0);
  if (descriptor < 0) return 'undecided';
  const outcome = connect(calls, descriptor, socketAddress(endpoint, calls));
  if (outcome === 'connected') return new Socket({ fd: descriptor });
  calls.close(descriptor);
  return outcome;
}

function connect(calls: SocketCalls, descriptor: number, address: Buffer): 'connected' | 'refused' | 'undecided' {
  if (calls.connect(descriptor, address, address.length) === 0) return 'connected';
  if (calls.errorNumber() !== Linux.EINPROGRESS) return 'refused';
  // The answer of this machine has come by now, and has been kept for whoever asks next.
  const error = Buffer.alloc(4);
  const errorLength = Buffer.from([error.length, 0, 0, 0]);
  calls.getsockopt(descriptor, Linux.SOL_SOCKET, Linux.SO_ERROR, error, errorLength);
  if (error.readInt32LE() !== 0) return 'refused';
  const peer = Buffer.alloc(address.length);
  const peerLength = Buffer.from([peer.length, 0, 0, 0]);
  return calls.getpeername(descriptor, peer, peerLength) === 0 ? 'connected' : 'undecided';
}
