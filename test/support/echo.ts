import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** A server that sends back what it hears, and closes when it has heard the end. */
export function echoServer(): Server {
  return createServer((socket) => socket.pipe(socket));
}

/** Resolves when a socket has been heard at both ends, and is closed. */
export async function assertEchoed(socket: Socket): Promise<void> {
  socket.end('hello');
  const [heard] = (await once(socket, 'data')) as [Buffer];
  assert.equal(heard.toString(), 'hello');
  await once(socket, 'close');
}
