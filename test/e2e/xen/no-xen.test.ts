import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { cannotRun } from '../../support/cannot-run.js';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('jitsu -x libxl where there is no Xen', () => {
  const folder = new TemporaryFolder();

  before(function () {
    if (existsSync('/proc/xen/capabilities')) cannotRun(this, 'this machine runs on Xen');
    writeFileSync(folder.in('mirage-www.xen'), '');
  });

  after(() => folder[Symbol.dispose]());

  it('ends at once, with everything that it has found missing', async function () {
    // So that the time it took is always printed.
    this.slow(0);
    const words = 'dns=www.example.org,ip=10.0.0.1,kernel=mirage-www.xen,memory=64000,name=www,nic=br0';
    const options = ['-x', 'libxl', '-l', '0', '-f', '0.0.0.0', '--control', folder.in('control.sock')];
    const env = { RUNTIME_DIRECTORY: folder.in('run'), XENSTORED_PATH: folder.in('xenstored') };
    const { status, stdout, stderr } = await runJitsu(['start', ...options, words], { cwd: folder.path, env });
    assert.deepEqual([status, stdout], [1, ''], stderr);
    const [first, ...hints] = stderr.trimEnd().split('\n');
    assert.equal(first, 'jitsu: JITSU_BACKEND_FAILED  libxl cannot be used on this machine:');
    assert.equal(hints.length, 4, stderr);
    for (const [index, hint] of [
      /The kernel does not run on Xen .*\. Boot the machine with the Xen hypervisor/,
      /xenfs is not mounted .*mount -t xenfs xenfs \/proc\/xen/,
      /The hypervisor cannot be called .*\/dev\/xen\/privcmd/,
      /xenstored does not answer at \S+\/xenstored \(ENOENT\)\. Start it/,
    ].entries()) {
      assert.match(hints[index]!, hint);
    }
  });
});
