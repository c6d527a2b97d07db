import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { CallFailed } from '#libvirt/call-failed.js';
import { SystemClock } from '#core/clock.js';
import { LibvirtBackend } from '#libvirt/libvirt-backend.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import { MemoryLogger } from '../../support/memory-logger.js';

/** Through the real library, where nothing answers. */
describe('libvirt that does not answer', () => {
  before(function () {
    using _driver = TestDriver.open(this);
  });

  for (const { uri, words, advice, lasts = false } of [
    {
      uri: 'qemu+unix:///system?socket=/no/such/socket',
      words: /"Failed to connect socket to '\/no\/such\/socket': No such file or directory" \(VIR_ERR_SYSTEM_ERROR\)/,
      advice: /libvirt-daemon-system/,
    },
    {
      uri: 'xen+unix:///?socket=/no/such/socket',
      words: /"Failed to connect socket .*" \(VIR_ERR_SYSTEM_ERROR\)/,
      advice: /dom0/,
    },
    {
      uri: 'vbox+unix:///session?socket=/no/such/socket',
      words: /"Failed to connect socket .*" \(VIR_ERR_SYSTEM_ERROR\)/,
      advice: /VirtualBox/,
    },
    {
      uri: 'qemu+tcp://127.0.0.1:1/system',
      words: /"unable to connect to server at '127\.0\.0\.1:1': Connection refused" \(VIR_ERR_SYSTEM_ERROR\)/,
      advice: /libvirtd/,
    },
    { uri: 'qemu+ssh://127.0.0.1:1/system', words: /".+" \(VIR_ERR_\w+\)/, advice: /without asking for a password/ },
    { uri: 'qemu+carrier-pigeon://host/system', words: /".+" \(VIR_ERR_\w+\)/, advice: /virsh|libvirtd/, lasts: true },
    {
      uri: 'no uri',
      words: /"internal error: .+" \(VIR_ERR_INTERNAL_ERROR\)/,
      advice: /virsh -c no uri list/,
      lasts: true,
    },
    { uri: 'foo:///system', words: /".+" \(VIR_ERR_\w+\)/, advice: /virsh -c foo/, lasts: true },
  ]) {
    it(`is told of with its URI, its own words and what to check: ${uri}`, async () => {
      const logger = new MemoryLogger();
      const backend = new LibvirtBackend({ connect: uri }, logger, new SystemClock());
      const { message, cause } = await rejectsWithCode(
        backend.connect(),
        lasts ? 'JITSU_BACKEND_FAILED' : 'JITSU_BACKEND_UNREACHABLE',
      );
      const what = lasts ? 'cannot be used' : 'does not answer';
      assert.ok(message.startsWith(`libvirt at ${uri} ${what}: "`), message);
      assert.match(message, words);
      assert.match(message, advice);
      assert.ok(cause instanceof CallFailed && cause.number !== undefined, "libvirt's code can be read");
      assert.deepEqual(logger.lines, [], 'who called is told, and nobody else');
      await backend.close();
    });
  }

  it('may answer the next attempt', async function () {
    using driver = TestDriver.open(this);
    const file = driver.folder.in('node.xml');
    const backend = new LibvirtBackend({ connect: `test://${file}` }, driver.logger, new SystemClock());
    writeFileSync(file, '<node>');
    await rejectsWithCode(backend.connect(), 'JITSU_BACKEND_UNREACHABLE');
    writeFileSync(
      file,
      "<node><domain type='test'><name>www</name><memory>65536</memory><os><type>hvm</type></os></domain></node>",
    );
    await backend.connect();
    await backend.close();
  });

  it('is asked for nothing before it is connected, and after it is closed', async function () {
    using driver = TestDriver.open(this);
    const backend = driver.machines();
    const register = () => backend.register({ name: 'test', options: { name: 'test', redefine: false } });
    const { message } = await rejectsWithCode(register(), 'JITSU_BACKEND_UNREACHABLE');
    assert.equal(message, 'libvirt at test:///default is not connected.');
    await backend.connect();
    const id = await register();
    await backend.close();
    await rejectsWithCode(backend.describe(id), 'JITSU_BACKEND_UNREACHABLE');
    await rejectsWithCode(backend.start(id), 'JITSU_BACKEND_UNREACHABLE');
  });
});
