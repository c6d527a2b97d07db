import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type { UpstreamSettings } from '../../config/settings.js';
import { errorCode, errorMessage } from '../../errors.js';

/** How connections to one upstream begin. */
export interface StreamConnector {
  /** Begins one. */
  connect(): Socket;
  /** The event by which it says that queries may be sent. */
  readonly readyEvent: 'connect' | 'secureConnect';
  /** What an error of it means, for people. */
  explain(error: Error): Error;
}

/** Plain TCP (RFC 7766). */
export function tcpConnector({ address, port }: UpstreamSettings): StreamConnector {
  return {
    connect: () => connectTcp({ host: address, port, noDelay: true }),
    readyEvent: 'connect',
    explain: (error) => error,
  };
}

/**
 * DNS over TLS (RFC 7858) by the strict profile (RFC 8310, 5): whoever cannot show a valid certificate with the name, or
 * else the address, is not asked. Sessions are resumed, which saves a round trip and most of the arithmetic.
 */
export function tlsConnector(
  { address, port, name }: UpstreamSettings,
  trust: () => SecureContext | undefined,
): StreamConnector {
  let session: Buffer | undefined;
  return {
    connect: () => {
      const secureContext = trust();
      const socket = connectTls({
        host: address,
        port,
        // Where it is absent the certificate must have the address, which may not be sent as a name (RFC 6066, 3).
        ...(name !== undefined && { servername: name }),
        ...(session !== undefined && { session }),
        ...(secureContext !== undefined && { secureContext }),
        minVersion: 'TLSv1.2',
      });
      socket.setNoDelay(true);
      socket.on('session', (latest: Buffer) => (session = latest));
      socket.on('error', () => (session = undefined));
      return socket;
    },
    readyEvent: 'secureConnect',
    explain: (error) =>
      isOfNetwork(error) ? error : new Error(`TLS failed: ${errorMessage(error)}`, { cause: error }),
  };
}

/** Whether the way there is at fault, not the one at its end. */
function isOfNetwork(error: Error): boolean {
  return 'syscall' in error && errorCode(error) !== 'EPROTO';
}
