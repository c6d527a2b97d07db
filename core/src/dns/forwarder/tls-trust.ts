import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { errorMessage, JitsuError } from '../../errors.js';

/** Who vouches for the certificates of upstreams: the authorities in a PEM file. */
export class TlsTrust {
  /** `undefined` before it is opened, and where Node's own authorities count. */
  context: SecureContext | undefined;

  constructor(private readonly file: string | undefined) {}

  /** @throws JITSU_CONFIG_UNREADABLE */
  async open(): Promise<void> {
    if (this.file === undefined) return;
    const ca = await readFile(this.file, 'utf8').catch((error: unknown) => this.fail(errorMessage(error)));
    if (!ca.includes('-----BEGIN CERTIFICATE-----')) this.fail(`there is no certificate in ${this.file}`);
    try {
      this.context = createSecureContext({ ca });
    } catch (error) {
      this.fail(errorMessage(error));
    }
  }

  private fail(why: string): never {
    const what = `the authorities for tls:// forwarders (dns.forwardCertificates) cannot be read: ${why}`;
    throw new JitsuError('JITSU_CONFIG_UNREADABLE', `${what}. A PEM file is expected there.`);
  }
}
