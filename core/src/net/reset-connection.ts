import type { Socket } from 'node:net';

/** Ends a TCP connection by RST, at once; one that is not made yet is given up. */
export function resetConnection(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else if (isShuttingDown(socket)) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

/**
 * Whether the system has been told of the end of what is sent, and libuv has not heard of it yet. It refuses a reset then,
 * and Node would lose the descriptor.
 */
function isShuttingDown({ writableEnded, writableFinished, writableLength, destroyed }: Socket): boolean {
  return writableEnded && !writableFinished && writableLength === 0 && !destroyed;
}
