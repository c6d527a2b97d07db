import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describeBackend } from '@jitsud/core/testing';
import { SystemClock } from '#core/clock.js';
import { XapiBackend } from '#xapi/xapi-backend.js';
import { connectionOptions, xapiOptions } from '#xapi/xapi-options.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { ApiError } from '../../support/xapi/api-error.js';
import { PoolServer, type ServerSettings } from '../../support/xapi/pool-server.js';
import { makeCertificate } from '../../support/xapi/test-certificate.js';

/** Set before the server is started; the suite runs the hooks in this order. */
interface Way {
  readonly name: string;
  readonly settings: (context: Mocha.Context) => ServerSettings;
}

const WAYS: readonly Way[] = [
  { name: 'over JSON-RPC', settings: () => ({}) },
  { name: 'over XML-RPC', settings: () => ({ speaks: 'xml-rpc' }) },
  { name: 'over TLS', settings: (context) => ({ certificate: makeCertificate(context, 'xcp-ng') }) },
];

for (const { name, settings } of WAYS) {
  describe(`a pool ${name}`, () => {
    const folder = new TemporaryFolder();
    const pinned = folder.in('hosts.pem');
    let server: PoolServer;

    before(async function () {
      const set = settings(this);
      if (set.certificate) writeFileSync(pinned, set.certificate.cert);
      server = await PoolServer.start(set);
    });

    after(async () => {
      await server?.[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    });

    after('nothing was refused by the data model', () => assert.deepEqual(server?.pool.refused ?? [], []));

    describeBackend('the xapi backend', {
      schema: xapiOptions,
      stopModes: { destroy: 'off', shutdown: 'off', suspend: 'suspended' },
      watches: true,
      refused: [
        {
          because: 'options of the wrong form',
          options: { name: '', uuid: 'no-uuid', host: '' },
          problems: [/^name: /, /^uuid: /, /^host: /],
        },
        { because: 'options that name no VM', options: {}, problems: [/^name: .*uuid/] },
        {
          because: 'a VM that the pool does not have',
          options: { name: 'no-such-vm' },
          problems: [/no VM called 'no-such-vm'/, /xe vm-list/],
        },
        {
          because: 'a host that the pool does not have',
          options: { name: 'alpha', host: 'no-such-host' },
          problems: [/no host called 'no-such-host'/, /xe host-list/],
        },
      ],
      setUp: () => {
        for (const vm of ['alpha', 'beta']) server.pool.addVm(vm, { macs: ['00:16:3E:00:00:01'] });
      },
      tearDown: async () => {
        await server.lose();
        await server.restore();
        server.pool.clear();
      },
      connection: () =>
        new XapiBackend(
          connectionOptions.parse({ connect: server.uri(), ...(name === 'over TLS' && { certificate: pinned }) }),
          new MemoryLogger(),
          new SystemClock(),
        ),
      machine: (vm) => ({ name: vm }),
      stubborn: (vm) => {
        server.pool.vm(vm).habits.shutdown = 'ignored';
        return { name: vm };
      },
      broken: (vm) => {
        server.pool.vm(vm).habits.broken = new ApiError('HOST_NOT_ENOUGH_FREE_MEMORY', ['1073741824', '1048576']);
        return { name: vm };
      },
      count: (vm) => (server.pool.stateOf(vm) === 'Halted' ? 0 : 1),
      kill: (vm) => server.pool.put(vm, 'Halted'),
      pause: (vm) => server.pool.put(vm, 'Paused'),
      lose: () => server.lose(),
      restore: () => server.restore(),
    });
  });
}
