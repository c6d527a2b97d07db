import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { TemporaryFolder } from './temporary-folder.js';

/** A certificate with its key, as files and as what is in them. */
export interface Certificate {
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: Buffer;
  readonly cert: Buffer;
}

const KEY = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'.split(' ');

/** An authority of one's own, made by openssl. */
export class Authority implements Disposable {
  private readonly folder = new TemporaryFolder();
  /** Its certificate, for those who are to trust it. */
  readonly file = this.folder.in('authority.pem');
  private issued = 0;

  constructor(private readonly openssl: string) {
    const words = ['-x509', ...KEY, '-keyout', this.folder.in('authority.key'), '-out', this.file];
    this.run('req', ...words, '-days', '2', '-subj', '/CN=The authority of a test');
  }

  /** @param subject as in `DNS:dns.example.org` or `IP:127.0.0.1` */
  issue(subject: string, days = 1): Certificate {
    const name = `certificate-${this.issued++}`;
    const [request, extensions] = [this.folder.in(`${name}.csr`), this.folder.in(`${name}.ext`)];
    const [keyFile, certFile] = [this.folder.in(`${name}.key`), this.folder.in(`${name}.pem`)];
    writeFileSync(extensions, `subjectAltName=${subject}\n`);
    this.run('req', ...KEY, '-keyout', keyFile, '-out', request, '-subj', '/CN=A server of a test');
    const signer = ['-CA', this.file, '-CAkey', this.folder.in('authority.key'), '-CAcreateserial'];
    const words = ['-req', '-in', request, '-out', certFile, '-extfile', extensions, '-days', String(days)];
    this.run('x509', ...words, ...signer);
    return { keyFile, certFile, key: readFileSync(keyFile), cert: readFileSync(certFile) };
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }

  private run(...words: string[]): void {
    execFileSync(this.openssl, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
