import type { Socket } from 'node:net';

/** On the same machine the kernel may pick the target port as the source port, and TCP then connects to itself. */
export function isSelfConnected({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress;
}
