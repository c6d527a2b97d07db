import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

const JITSU = fileURLToPath(new URL('../../../../cli/bin/jitsu.js', import.meta.url));
const RESOLVE = ['resolve', 'web.test', '--timeout', '2'];

describe('an address that comes after the start', function () {
  this.timeout(60_000);
  let namespace: NetworkNamespace;
  before(async function () {
    namespace = await NetworkNamespace.create(this);
  });
  after(() => namespace?.[Symbol.asyncDispose]());

  for (const transport of ['mmsg', 'dgram']) {
    for (const [address, length] of [
      ['10.77.0.77', '32'],
      ['fd00::77', '128'],
    ] as const) {
      it(`is told of and shown, and answered on when it is there: ${address}, ${transport}`, async () => {
        const web = RunningJitsu.aUnikernel('web');
        const dns = { bind: ['127.0.0.1', address], transport };
        await using jitsu = new RunningJitsu([web], { dns }, within(namespace));
        await jitsu.start();
        assert.match(jitsu.log, new RegExp(`this machine has no address ${address} yet`));
        const absent = async () => (await jitsu.report()).listening.map((endpoint) => endpoint.absent ?? false);
        assert.deepEqual(await absent(), [false, true]);
        await namespace.run('ip', 'address', 'add', `${address}/${length}`, 'dev', 'lo');
        try {
          await eventually(async () => assert.deepEqual(await absent(), [false, false]));
          for (const how of [[], ['--tcp']]) {
            const server = address.includes(':') ? `[${address}]:${jitsu.port}` : `${address}:${jitsu.port}`;
            const told = await namespace.run(process.execPath, JITSU, ...RESOLVE, '--server', server, ...how);
            assert.match(told, /^NOERROR/);
          }
        } finally {
          await namespace.run('ip', 'address', 'delete', `${address}/${length}`, 'dev', 'lo');
        }
      });
    }
  }

  it('is not needed for an interface that has addresses, and :: is said to be IPv6 alone', async () => {
    await namespace.run('ip', 'address', 'add', '192.0.2.5/32', 'dev', 'lo');
    const web = RunningJitsu.aUnikernel('web');
    await using jitsu = new RunningJitsu([web], { dns: { bind: 'lo' } }, within(namespace));
    await jitsu.start();
    const addresses = (await jitsu.report()).listening.map(({ address }) => address);
    assert.deepEqual([...addresses].sort(), ['127.0.0.1', '192.0.2.5', '::1']);
    await using six = new RunningJitsu([web], { dns: { bind: '::' } }, within(namespace));
    await six.start();
    assert.match(six.log, /'::' stands for all IPv6 addresses alone/);
  });
});
