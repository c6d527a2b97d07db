import { describeBackend } from '@jitsud/core/testing';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';

describe("with libvirt's test driver", () => {
  let driver: TestDriver;

  before(function () {
    driver = TestDriver.open(this);
  });

  after(() => driver[Symbol.dispose]());

  describeBackend('the libvirt backend', {
    schema: libvirtOptions,
    stopModes: { destroy: 'off', shutdown: 'off', suspend: 'paused', managedsave: 'off' },
    watches: true,
    refused: [
      {
        because: 'options of the wrong form',
        options: { name: '', uuid: 'no-uuid', xml: '', redefine: 'maybe' },
        problems: [/^name: /, /^uuid: /, /^xml: /, /^redefine: /],
      },
      {
        because: 'options that name no domain',
        options: {},
        problems: [/^name: .*uuid.*xml/],
      },
      {
        because: 'a domain that libvirt does not have',
        options: { name: 'no-such-domain' },
        problems: [/no domain called 'no-such-domain'/, /virsh -c test:\/\/\/default list --all/],
      },
      {
        because: 'a definition that cannot be read',
        options: { name: 'alpha', xml: '/no/such/file.xml' },
        problems: [/\/no\/such\/file\.xml cannot be read/],
      },
    ],
    tearDown: () => driver.removeAll(),
    connection: () => driver.backend(),
    machine: (name) => ({ name, xml: driver.xmlFile(name) }),
    count: (name) => (driver.isActive(name) ? 1 : 0),
    kill: (name) => {
      driver.act(name, 'destroy');
    },
    pause: (name) => {
      driver.act(name, 'suspend');
    },
  });
});
