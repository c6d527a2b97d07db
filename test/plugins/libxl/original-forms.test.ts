import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { cannotRun } from '../../support/cannot-run.js';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const XEN_CAPABILITIES = '/proc/xen/capabilities';

/** Those of the original: a MirageOS web server, and nginx in rumprun. */
const FORMS = [
  ['dns=www.example.org,', 'ip=10.0.0.1,', 'kernel=mirage-www.xen,', 'memory=64000,', 'name=www,', 'nic=br0'],
  [
    ...['dns=www.example.org,', 'memory=64000,', 'ip=10.0.0.1,', 'name=rumprun,', 'kernel=nginx.bin,'],
    ...['disk=images/stubetc.iso@xvda,', 'disk=images/data.iso@xvdb,', 'nic=br0,', 'rumprun_config=tmp/json.cfg'],
  ],
];

describe("the original's command lines for libxl, where there is no Xen", () => {
  const folder = new TemporaryFolder();
  const setting = { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.in('run'), XDG_RUNTIME_DIR: folder.path } };

  before(function () {
    const isDom0 = existsSync(XEN_CAPABILITIES) && readFileSync(XEN_CAPABILITIES, 'utf8').includes('control_d');
    if (isDom0) cannotRun(this, 'this machine is a Xen dom0');
  });
  after(() => folder[Symbol.dispose]());

  for (const form of FORMS) {
    it(`end with what was found missing: ${form.join('')}`, async () => {
      const began = performance.now();
      const flags = ['-x', 'libxl', '-l', '0', '-f', '0.0.0.0', '--control', folder.in('c.sock')];
      const { status, stdout, stderr } = await runJitsu(['start', ...flags, form.join('')], setting);
      const took = performance.now() - began;
      assert.deepEqual({ status, stdout }, { status: 1, stdout: '' }, stderr);
      assert.match(stderr, /^jitsu: JITSU_BACKEND_FAILED {2}libxl cannot be used on this machine:\n/);
      for (const hint of [
        /- The kernel does not run on Xen \(.*\/sys\/hypervisor\/type.*\)\. /,
        /- xenfs is not mounted \(.*\/proc\/xen\/capabilities.*\)\. .*mount -t xenfs/,
        /- The hypervisor cannot be called \(\/dev\/xen\/privcmd: .*as root/,
        /- xenstored does not answer at \S+xenstored\/socket \(ENOENT\)\. /,
      ]) {
        assert.match(stderr, hint);
      }
      // A machine that is busy with other suites gets more time than the second that people notice.
      assert.ok(took < 5_000, `${took} ms`);
    });
  }
});
