import { fileURLToPath } from 'node:url';
import { ServerChild } from './server-child.js';

const PROGRAMS = { dgram: 'echo-server.js', mmsg: '../mmsg-echo.js' };

export type EchoTransport = keyof typeof PROGRAMS;

/** The transports that this machine has. */
export const ECHO_TRANSPORTS: readonly EchoTransport[] = process.platform === 'linux' ? ['dgram', 'mmsg'] : ['dgram'];

export function echoLabel(transport: EchoTransport): string {
  return `bare echo, ${transport}`;
}

/** A server that sends each query back as it is but for the response bit: what a transport costs by itself. */
export function startEcho(transport: EchoTransport): Promise<ServerChild> {
  const program = fileURLToPath(new URL(PROGRAMS[transport], import.meta.url));
  return ServerChild.start(echoLabel(transport), 'echo.test', (port) => [process.execPath, program, String(port)]);
}
