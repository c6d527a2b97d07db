import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { requireTool } from '../require-tool.js';
import { TemporaryFolder } from '../temporary-folder.js';

/** A certificate that signs itself, as those of hosts do, in PEM form. */
export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
}

/** Makes one for this name, which need not be that of the host; the suite is skipped where openssl is missing. */
export function makeCertificate(context: Mocha.Context, name: string): TestCertificate {
  const openssl = requireTool(context, 'openssl');
  using folder = new TemporaryFolder();
  const [key, cert] = [folder.in('key.pem'), folder.in('cert.pem')];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync(openssl, ['req', '-x509', ...curve, '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
