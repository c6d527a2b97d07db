import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { CallFailed } from '#libxl/call-failed.js';
import { noLibxl, noXen, obstacles } from '#libxl/xen-obstacles.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('what stands between Jitsu and Xen', () => {
  const folder = new TemporaryFolder();
  let server: Server;
  let connections = 0;

  const written = (name: string, text: string): string => {
    writeFileSync(folder.in(name), text);
    return folder.in(name);
  };

  const places = (changes: object = {}) => ({
    hypervisorType: written('type', 'xen\n'),
    capabilities: written('capabilities', 'control_d\n'),
    devices: [folder.in('nowhere'), written('privcmd', '')],
    socket: folder.in('socket'),
    ...changes,
  });

  before(async () => {
    server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined).destroy();
    }).listen(folder.in('socket'));
    await once(server, 'listening');
  });

  after(() => {
    server.close();
    folder[Symbol.dispose]();
  });

  it('is nothing in a dom0 where all is as it should be, and xenstored was really asked', async () => {
    const before = connections;
    assert.deepEqual(await obstacles(places()), []);
    assert.equal(connections, before + 1);
  });

  for (const { what, changes, told } of [
    { what: 'another hypervisor', changes: () => ({ hypervisorType: written('kvm', 'kvm') }), told: /says 'kvm'/ },
    { what: 'no hypervisor', changes: () => ({ hypervisorType: '/no/type' }), told: /there is no \/no\/type/ },
    { what: 'no xenfs', changes: () => ({ capabilities: '/no/caps' }), told: /mount -t xenfs xenfs \/proc\/xen/ },
    { what: 'a guest', changes: () => ({ capabilities: written('domu', '') }), told: /not dom0.*control_d/ },
    { what: 'no device', changes: () => ({ devices: ['/no/a', '/no/b'] }), told: /\/no\/a: not there; \/no\/b: not/ },
    { what: 'no xenstored', changes: () => ({ socket: '/no/socket' }), told: /xenstored.*\/no\/socket \(ENOENT\)/ },
  ]) {
    it(`is ${what}, and nothing else is told`, async () => {
      const found = await obstacles(places(changes()));
      assert.equal(found.length, 1, found.map(({ sentence }) => sentence).join('\n'));
      assert.match(found[0]?.sentence ?? '', told);
      const code = what === 'no xenstored' ? 'JITSU_BACKEND_UNREACHABLE' : 'JITSU_BACKEND_FAILED';
      assert.equal(noXen(found).code, code, 'only a daemon may be started later');
    });
  }

  it('is a library that is not installed, whose packages are named', () => {
    const message = 'cannot open shared object file';
    const failed = new CallFailed({ kind: 'library-missing', file: 'libxenlight.so.4.17', message });
    const error = noLibxl(failed);
    assert.equal((error as { code?: string }).code, 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /libxenlight\.so\.4\.17.*cannot open.*libxenmisc4\.17 \(Debian.*xen-libs \(Fedora\)/);
  });
});
