import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { cannotRun } from '../../support/cannot-run.js';
import { runJitsu, spawnJitsu } from '../../support/jitsu-command.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const XEN_CAPABILITIES = '/proc/xen/capabilities';

/** Those of the original, which named no backend: libvirt was meant. */
describe("the original's command lines for libvirt", function () {
  this.timeout(60_000);

  const folder = new TemporaryFolder();
  const setting = { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.in('run'), XDG_RUNTIME_DIR: folder.path } };
  const own = ['-l', '0', '-f', '0.0.0.0', '-d', '0', '--control', folder.in('c.sock')];
  const www = 'dns=www.example.org,ip=192.0.2.7,name=www';

  before(function () {
    using _driver = TestDriver.open(this);
  });
  after(() => folder[Symbol.dispose]());

  it('summon a domain of test:///default, with and without the name of the backend', async () => {
    for (const backend of [['-x', 'libvirt'], []]) {
      const flags = [...backend, '-c', 'test:///default', ...own];
      const child = spawnJitsu(['start', ...flags, 'dns=www.example.org,ip=192.0.2.7,name=test'], setting);
      try {
        for await (const line of createInterface({ input: child.stderr })) {
          if (line.includes('answering DNS on')) break;
        }
        const stopped = await runJitsu(['stop', 'test', '--control', folder.in('c.sock')], setting);
        assert.equal(stopped.stdout, 'test is off.\n', stopped.stderr);
        const { stdout, stderr } = await runJitsu(
          ['resolve', 'www.example.org', '--control', folder.in('c.sock')],
          setting,
        );
        assert.match(stdout, /^NOERROR .*\nanswer +www\.example\.org +60 +A +192\.0\.2\.7\n$/s, stderr);
      } finally {
        child.kill('SIGTERM');
        await once(child, 'close');
      }
      assert.equal(child.exitCode, 0);
    }
  });

  it('say what to check where there is no Xen, and end: -c xen:///', async function () {
    if (isDom0()) cannotRun(this, 'this machine is a Xen dom0');
    const { status, stdout, stderr } = await runJitsu(['start', ...own, '-c', 'xen:///', www], setting);
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' }, stderr);
    assert.match(
      stderr,
      /^jitsu: JITSU_BACKEND_FAILED {2}libvirt at xen:\/\/\/ cannot be used: ".+" \(VIR_ERR_\w+\)\. .*control_d/,
    );
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });

  for (const { words, hint } of [
    { words: ['-m', 'suspend', '-c', 'vbox:///session', www], hint: /VirtualBox installed/ },
    { words: ['-c', 'xen+ssh://nowhere.invalid/', www], hint: /virsh -c xen\+ssh:\/\/nowhere\.invalid\/ list/ },
  ]) {
    it(`say what to check where no hypervisor answers yet, and serve: ${words.join(' ')}`, async () => {
      const child = spawnJitsu(['start', ...own, ...words], setting);
      const lines: string[] = [];
      try {
        for await (const line of createInterface({ input: child.stderr })) {
          lines.push((JSON.parse(line) as { msg: string }).msg);
          if (line.includes('It is tried again')) break;
        }
        const told = lines.join('\n');
        assert.match(told, /libvirt at \S+ does not answer: ".+" \(VIR_ERR_\w+\)\. /);
        assert.ok(told.includes(words.at(-2) as string), 'which URI');
        assert.match(told, hint);
      } finally {
        child.kill('SIGTERM');
        await once(child, 'close');
      }
    });
  }
});

function isDom0(): boolean {
  return existsSync(XEN_CAPABILITIES) && readFileSync(XEN_CAPABILITIES, 'utf8').includes('control_d');
}
