import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { KeptFile } from '#xapi/kept-file.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { PoolStage } from '../../support/xapi/pool-stage.js';
import { makeCertificate } from '../../support/xapi/test-certificate.js';

const NOBODY = 65_534;

/** Does something as who may not read files of ours. */
async function withoutRight(paths: readonly string[], action: () => Promise<unknown>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  for (const path of paths) chmodSync(path, 0);
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await action();
  } finally {
    if (isRoot) process.seteuid?.(0);
    for (const path of paths) chmodSync(path, 0o600);
  }
}

describe('a file of a pool', () => {
  let folder: TemporaryFolder;
  let path: string;

  beforeEach(() => {
    folder = new TemporaryFolder();
    path = folder.in('file');
    writeFileSync(path, 'one');
  });
  afterEach(() => folder[Symbol.dispose]());

  it('is read anew each time, and kept for when it may not be read any more', async () => {
    const file = new KeptFile(path);
    assert.equal(await file.read(), 'one');
    writeFileSync(path, 'two');
    assert.equal(await file.read(), 'two');
    await withoutRight([path], async () => assert.equal(await file.read(), 'two'));
    writeFileSync(path, 'three');
    assert.equal(await file.read(), 'three');
  });

  it('is missed when it was never read, or is gone', async () => {
    const file = new KeptFile(path);
    await withoutRight([path], () => assert.rejects(file.read(), { code: 'EACCES' }));
    await file.read();
    rmSync(path);
    await assert.rejects(file.read(), { code: 'ENOENT' });
  });

  it('lets a Jitsu that has given up root log in again, by its password and certificates', async function () {
    const certificate = makeCertificate(this, 'xcp-ng-1');
    await using stage = await PoolStage.open({ certificate });
    const options = { connect: stage.server.uri('jitsu'), passwordFile: path, certificate: folder.in('hosts.pem') };
    writeFileSync(path, 'secret\n');
    writeFileSync(options.certificate, certificate.cert);
    await using pool = await PoolStage.open({}, options);
    await pool.backend.connect();
    await pool.backend.close();
    await withoutRight([path, options.certificate], () => pool.backend.connect());
    assert.equal(stage.pool.sessions, 1);
  });
});
