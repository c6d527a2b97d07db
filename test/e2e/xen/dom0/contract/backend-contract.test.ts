import { describeBackend } from '@jitsud/core/testing';
import type { LibxlBackend } from '#libxl/libxl-backend.js';
import { libxlOptions } from '#libxl/libxl-options.js';
import { LibxlHost, optionsOf } from '../../../../support/libxl/libxl-host.js';
import { XenstoredProxy } from '../../../../support/libxl/xenstored-proxy.js';
import { Dom0 } from '../../../../support/xen/dom0.js';

/** What a guest has a part in: a kernel that knows what it is asked for. */
const NEEDS_THE_GUEST = ['shutdown', 'suspend'];

describe('with guests of libxl', () => {
  let dom0: Dom0;
  let host: LibxlHost;
  let proxy: XenstoredProxy;
  // As long as it is open, libxl's process is there, and need not be started for each test.
  let open: LibxlBackend;

  before(async function () {
    this.timeout(60_000);
    dom0 = await Dom0.open(this);
    host = new LibxlHost();
    proxy = await XenstoredProxy.open();
    open = host.backend();
    await open.connect();
  });

  after(async () => {
    await open.close();
    await proxy[Symbol.asyncDispose]();
    await dom0[Symbol.asyncDispose]();
    host[Symbol.dispose]();
  });

  const running = async (name: string): Promise<number> =>
    (await dom0.domains()).filter((domain) => domain.name === name).length;

  describeBackend('the libxl backend', {
    schema: libxlOptions,
    stopModes: { destroy: 'off', shutdown: 'off', suspend: 'suspended', pause: 'paused' },
    watches: true,
    patience: 60_000,
    refused: [
      {
        because: 'options of the wrong form',
        options: { name: 'a/b', uuid: 'no', type: 'hvm', memory: 'lots', vcpus: 0, disk: 'disk', nic: '' },
        problems: [/^name: /, /^uuid: /, /^type: /, /^kernel: /, /^memory: /, /^vcpus: /, /^disk/, /^nic/],
      },
      {
        because: 'files that are not there',
        options: { name: 'alpha', kernel: '/no/kernel', memory: 64_000, ramdisk: '/no/disk', script: '/no/script' },
        problems: [/kernel: .*\/no\/kernel/, /ramdisk: .*\/no\/disk/, /script: .*\/no\/script/],
      },
    ],
    tearDown: async () => {
      await proxy.restore();
      await dom0.removeGuests();
      host.forgetSavedMemory();
    },
    connection: () => host.backend(),
    machine: (name, mode = 'destroy') =>
      optionsOf(dom0.guest(name, { kernel: NEEDS_THE_GUEST.includes(mode) ? 'linux' : 'idle' })),
    booted: async (name) => {
      await dom0.untilServing(dom0.guest(name));
    },
    stubborn: (name) => optionsOf(dom0.guest(name, { deaf: true })),
    broken: (name) => ({ ...optionsOf(dom0.guest(name)), kernel: '/etc/passwd' }),
    count: async (name, id) => {
      const domains = await running(name);
      return domains === 0 && host.hasSavedMemory(id) ? 1 : domains;
    },
    lose: () => proxy.cut(),
    restore: () => proxy.restore(),
    kill: async (name) => {
      await dom0.xl('destroy', name);
    },
  });
});
