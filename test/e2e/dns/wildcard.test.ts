import assert from 'node:assert/strict';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { within } from '../../support/place.js';
import { requireTool } from '../../support/require-tool.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { requireMmsg, UDP_TRANSPORTS } from '../../support/udp-transports.js';

describe('a Jitsu on a machine with several addresses', function () {
  this.timeout(60_000);

  let namespace: NetworkNamespace;

  before(async function () {
    requireTool(this, 'dig');
    requireMmsg(this);
    namespace = await NetworkNamespace.create(this);
    for (const address of ['192.0.2.1/24', '192.0.2.2/24', '2001:db8::1/64', '2001:db8::2/64', 'fe80::1/64'])
      await namespace.run('ip', 'address', 'add', address, 'dev', 'lo');
  });

  after(() => namespace?.[Symbol.asyncDispose]());

  // dig takes a reply from another address than it asked for none.
  it('replies, bound to all of them, from the one that was asked, the first time and from what is hot', async () => {
    const web = RunningJitsu.aUnikernel('web', [], { ready: undefined, responseDelay: 0 });
    // Hot answers go to those alone who may have everything, and hold no cookie.
    const access = { allow: 'any', allowForwarding: 'any', rateLimit: { exempt: 'any' } };
    const dns = { bind: ['0.0.0.0', '::'], transport: 'mmsg', ...access };
    await using jitsu = new RunningJitsu([web], { dns }, within(namespace));
    await jitsu.start();
    const addresses = ['127.0.0.1', '127.0.0.9', '192.0.2.1', '192.0.2.2', '::1', '2001:db8::2', 'fe80::1%lo'];
    for (const address of [...addresses, ...addresses]) {
      const words = ['+tries=1', '+time=5', '+nocookie', '+noall', '+comments', '-p', String(jitsu.port)];
      const output = await namespace.run('dig', `@${address}`, ...words, 'web.test', 'A');
      assert.match(output, /status: NOERROR/, address);
      assert.doesNotMatch(output, /unexpected source/, address);
    }
    for (const source of ['192.0.2.2', '127.0.0.5']) {
      const output = await namespace.run('dig', '@192.0.2.1', '-b', source, '-p', String(jitsu.port), 'web.test');
      assert.match(output, /status: NOERROR/, source);
    }
  });

  for (const transport of UDP_TRANSPORTS) {
    it(`answers on an address that means nothing without its interface, by ${transport}`, async () => {
      const web = RunningJitsu.aUnikernel('web', [], { ready: undefined, responseDelay: 0 });
      const dns = { bind: ['fe80::1%lo'], transport };
      await using jitsu = new RunningJitsu([web], { dns, log: { level: 'debug' } }, within(namespace));
      await jitsu.start();
      const output = await namespace.run('dig', '@fe80::1%lo', '-p', String(jitsu.port), 'web.test');
      assert.match(output, /status: NOERROR/);
    });
  }
});
