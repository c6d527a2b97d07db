import { X509Certificate } from 'node:crypto';
import type { ConnectionOptions as TlsOptions, PeerCertificate } from 'node:tls';
import { errorMessage, JitsuError } from '@jitsud/core/plugin';
import type { KeptFile } from './kept-file.js';

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates that are accepted from the pool. */
export type Trust = Pick<TlsOptions, 'ca' | 'checkServerIdentity' | 'rejectUnauthorized'>;

/**
 * Without options the certificate must be the host's, from an authority that Node trusts. A pinned certificate is
 * accepted as it is, without a name check: hosts make their own, with their address or no name at all.
 * @throws JITSU_CONFIG_UNREADABLE for a file that cannot be read, or contains no certificate
 */
export async function trustOf(certificate: KeptFile | undefined, allowUnauthorized: boolean): Promise<Trust> {
  if (certificate === undefined) return { rejectUnauthorized: !allowUnauthorized };
  const pinned = await readCertificates(certificate);
  const fingerprints = new Set(pinned.map(({ fingerprint256 }) => fingerprint256));
  return {
    ca: pinned.map(String),
    rejectUnauthorized: true,
    checkServerIdentity: (host: string, { fingerprint256 }: PeerCertificate) =>
      fingerprints.has(fingerprint256)
        ? undefined
        : new Error(`${host} has a certificate that is not in ${certificate.path} (SHA-256 ${fingerprint256})`),
  };
}

async function readCertificates(file: KeptFile): Promise<readonly X509Certificate[]> {
  try {
    const found = (await file.read()).match(CERTIFICATES) ?? [];
    if (found.length === 0) throw new Error('it holds no certificate in PEM form');
    return found.map((pem) => new X509Certificate(pem));
  } catch (error) {
    const message = `The certificates in ${file.path} cannot be read: ${errorMessage(error)}.`;
    throw new JitsuError('JITSU_CONFIG_UNREADABLE', message, { cause: error });
  }
}
