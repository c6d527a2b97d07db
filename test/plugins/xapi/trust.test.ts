import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { anyCertificateByEnvironment } from '../../support/any-certificate.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { PoolStage } from '../../support/xapi/pool-stage.js';
import { makeCertificate, type TestCertificate } from '../../support/xapi/test-certificate.js';

describe('the certificate of a pool', () => {
  const folder = new TemporaryFolder();
  const pinned = folder.in('hosts.pem');
  let certificate: TestCertificate;
  let other: TestCertificate;

  before(function () {
    certificate = makeCertificate(this, 'xcp-ng-1');
    other = makeCertificate(this, '127.0.0.1');
  });
  after(() => folder[Symbol.dispose]());

  /** How many calls the pool got to hear. */
  let heard = 0;
  const connected = async (options: object): Promise<number> => {
    await using stage = await PoolStage.open({ certificate }, options);
    try {
      await stage.backend.connect();
    } finally {
      heard = stage.pool.calls.length;
    }
    return heard;
  };

  it('must be of an authority that is trusted, or no word is said', async () => {
    const error = await rejectsWithCode(connected({}), 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /certificate/);
    assert.match(error.message, /allowUnauthorized/);
    assert.equal(heard, 0, 'the password went nowhere');
  });

  it('must be valid, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    using _environment = anyCertificateByEnvironment();
    await rejectsWithCode(connected({}), 'JITSU_BACKEND_FAILED');
    assert.equal(heard, 0, 'the password went nowhere');
    writeFileSync(pinned, other.cert);
    await rejectsWithCode(connected({ certificate: pinned }), 'JITSU_BACKEND_FAILED');
    assert.equal(heard, 0, 'the password went nowhere');
  });

  it('may be pinned, whatever name it bears, beside those of other hosts', async () => {
    writeFileSync(pinned, `${other.cert}\n# the coordinator\n${certificate.cert}`);
    assert.ok((await connected({ certificate: pinned })) > 0);
  });

  it('must be one of those that are pinned', async () => {
    writeFileSync(pinned, other.cert);
    await rejectsWithCode(connected({ certificate: pinned }), 'JITSU_BACKEND_FAILED');
    assert.equal(heard, 0, 'the password went nowhere');
  });

  it('is not looked at where that is wanted', async () => {
    assert.ok((await connected({ allowUnauthorized: true })) > 0);
  });

  it('is refused in a file that has none, or is not there', async () => {
    writeFileSync(pinned, 'nothing\n');
    const empty = await rejectsWithCode(connected({ certificate: pinned }), 'JITSU_CONFIG_UNREADABLE');
    assert.match(empty.message, /no certificate/);
    await rejectsWithCode(connected({ certificate: folder.in('missing.pem') }), 'JITSU_CONFIG_UNREADABLE');
  });

  it('is of no use where the pool speaks no TLS', async () => {
    await using stage = await PoolStage.open({}, {});
    await using tls = await PoolStage.open({}, { connect: stage.server.uri().replace('http:', 'https:') });
    const error = await rejectsWithCode(tls.backend.connect(), 'JITSU_BACKEND_FAILED');
    assert.doesNotMatch(error.message, /secret/);
  });
});
