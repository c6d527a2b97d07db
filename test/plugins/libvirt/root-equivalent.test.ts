import assert from 'node:assert/strict';
import { rootEquivalent } from '#libvirt/root-equivalent.js';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('a connection to libvirt', () => {
  for (const uri of [
    ...['qemu:///session', 'qemu+unix:///session', 'qemu:///session?socket=/run/x', 'vbox:///session'],
    ...['test:///default', 'test+unix:///default', 'vmwareplayer:///session', 'qemu:///embed?root=/tmp/x'],
    'qemu+ssh://me@far.example.org/session',
  ]) {
    it(`is not as good as root: ${uri}`, () => assert.equal(rootEquivalent(uri), undefined));
  }

  for (const [uri, place] of Object.entries({
    'qemu:///system': 'this host',
    'qemu+unix:///system': 'this host',
    'xen:///': 'this host',
    'xen:///system': 'this host',
    'lxc:///': 'this host',
    'bhyve:///system': 'this host',
    'qemu+ssh://root@far.example.org/system': 'far.example.org',
    'qemu+tls://far.example.org:16514/system?no_verify=1': 'far.example.org:16514',
    'xen+ssh://far.example.org': 'far.example.org',
    'an-alias': 'this host',
  })) {
    it(`is as good as root: ${uri}`, () => {
      const sentence = rootEquivalent(uri) ?? '';
      assert.ok(sentence.startsWith(`${uri} is as good as root on ${place}: whoever may define`), sentence);
    });
  }

  it('may be as good as root by the API of a hypervisor, and its password is not told', () => {
    assert.equal(
      rootEquivalent('esx://admin:secret@esx.example.org/'),
      'esx://admin@esx.example.org/ is as good as root on esx.example.org as far as its account there may change machines.',
    );
  });

  it('is named by jitsu check where it is', async function () {
    this.timeout(60_000);
    using folder = new TemporaryFolder();
    const check = async (uri: string): Promise<string> => {
      const words = ['check', '--offline', '-x', 'libvirt', '-c', uri, 'dns=a.test,ip=127.0.0.9,name=a'];
      const { status, stdout, stderr } = await runJitsu(words, { cwd: folder.path });
      assert.equal(status, 0, stderr);
      return stdout.replaceAll(/\s+/g, ' ');
    };
    assert.match(
      await check('qemu:///system'),
      /What is as good as root: ! Backend libvirt: qemu:\/\/\/system is as good/,
    );
    assert.doesNotMatch(await check('test:///default'), /as good as root/);
  });
});
