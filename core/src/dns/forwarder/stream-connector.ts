import { readFile } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import type { UpstreamSettings } from '../../config/settings.js';
import { errorCode, errorMessage, JitsuError } from '../../errors.js';

/** Opens connections to one upstream. */
export interface StreamConnector {
  connect(): Socket;
  /** The event of the socket after which queries may be sent. */
  readonly readyEvent: 'connect' | 'secureConnect';
  /** An explanation of the socket's error, for people. */
  explain(error: Error): Error;
}

/** Plain TCP (RFC 7766). */
export function tcpConnector({ address, port }: UpstreamSettings): StreamConnector {
  return {
    connect: () => connectTcp({ host: address, port }),
    readyEvent: 'connect',
    explain: (error) => error,
  };
}

/**
 * DNS over TLS (RFC 7858) in the strict profile (RFC 8310, 5): a server without a valid certificate for the name, or
 * else for the address, is not asked. Sessions are resumed, which saves a round trip and most of the CPU time.
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
        // Without a name the certificate must hold the address, which may not be sent as a server name (RFC 6066, 3).
        ...(name !== undefined && { servername: name }),
        ...(session !== undefined && { session }),
        ...(secureContext !== undefined && { secureContext }),
        minVersion: 'TLSv1.2',
        // Node's default is what NODE_TLS_REJECT_UNAUTHORIZED says.
        rejectUnauthorized: true,
      });
      socket.on('session', (latest: Buffer) => (session = latest));
      socket.on('error', () => (session = undefined));
      return socket;
    },
    readyEvent: 'secureConnect',
    explain: (error) =>
      isOfNetwork(error) ? error : new Error(`TLS failed: ${errorMessage(error)}`, { cause: error }),
  };
}

/** Whether an error is one of the network path, not of the server. */
function isOfNetwork(error: Error): boolean {
  return 'syscall' in error && errorCode(error) !== 'EPROTO';
}

/**
 * Reads the certificate authorities in a PEM file.
 * @throws JITSU_CONFIG_UNREADABLE
 */
export async function readTrust(file: string): Promise<SecureContext> {
  const fail = (why: string): never => {
    const what = `the authorities for tls:// forwarders (dns.forwardCertificates) cannot be read: ${why}`;
    throw new JitsuError('JITSU_CONFIG_UNREADABLE', `${what}. A PEM file is expected there.`);
  };
  const ca = await readFile(file, 'utf8').catch((error: unknown) => fail(errorMessage(error)));
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) fail(`there is no certificate in ${file}`);
  try {
    return createSecureContext({ ca });
  } catch (error) {
    return fail(errorMessage(error));
  }
}
