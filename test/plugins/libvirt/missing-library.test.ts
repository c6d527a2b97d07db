import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { cannotRun } from '../../support/cannot-run.js';
import { findProgram } from '../../support/find-program.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const BACKEND = new URL('../../../../plugins/libvirt/dist/libvirt-backend.js', import.meta.url).href;
const CLOCK = new URL('../../../../core/dist/clock.js', import.meta.url).href;

/** Puts an empty file in the place of $1, for itself alone, and then runs the rest. */
const WITHOUT_LIBRARY = 'mount --bind "$0" "$1" && shift && exec "$@"';

/** Tries to connect twice, and prints what comes of it. */
const PROGRAM = `
import { LibvirtBackend } from ${JSON.stringify(BACKEND)};
import { SystemClock } from ${JSON.stringify(CLOCK)};
const backend = new LibvirtBackend({ connect: 'qemu:///system' }, {}, new SystemClock());
for (let n = 0; n < 2; n += 1) {
  await backend.connect().then(() => console.log('connected'), ({ code, message }) => console.log(code, message));
}
`;

describe("without libvirt's library", () => {
  let library: string;

  before(function () {
    requireRoot(this);
    if (findProgram('unshare') === undefined) cannotRun(this, 'there is no unshare (Debian: util-linux)');
    using _driver = TestDriver.open(this);
    library = /\S*\/libvirt\.so\.0\S*$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0] ?? '';
  });

  it('each attempt to connect says which package to install, and the process ends by itself', async () => {
    using folder = new TemporaryFolder();
    const empty = folder.in('empty');
    writeFileSync(empty, '');
    const node = [process.execPath, '--input-type=module', '--eval', PROGRAM];
    const { stdout, stderr } = await promisify(execFile)('unshare', [
      ...['--mount', 'sh', '-c', WITHOUT_LIBRARY, empty, library],
      ...node,
    ]);
    const [first = '', second, ...rest] = stdout.trimEnd().split('\n');
    assert.match(first, /^JITSU_BACKEND_FAILED libvirt at qemu:\/\/\/system cannot be used: ".*libvirt\.so\.0.*"\. /);
    assert.match(first, /apt-get install libvirt0 .*dnf install libvirt-libs .*brew install libvirt/);
    assert.equal(second, first);
    assert.deepEqual({ rest, stderr }, { rest: [], stderr: '' });
  });
});
