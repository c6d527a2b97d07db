import { SystemClock } from '#core/clock.js';
import { describeBackend } from '@jitsud/core/testing';
import { FakeBackend, fakeOptions } from '../../support/fake-backend.js';
import { FakeHypervisor } from '../../support/fake-hypervisor.js';

let hypervisor = new FakeHypervisor();

describeBackend('the fake backend', {
  schema: fakeOptions,
  stopModes: { destroy: 'off', shutdown: 'off', suspend: 'suspended' },
  watches: true,
  tellsStrays: true,
  refused: [
    { because: 'an empty name and an unknown key', options: { name: '', nam: 'x' }, problems: [/^name: /, /nam/] },
  ],
  setUp: () => {
    hypervisor = new FakeHypervisor();
  },
  connection: () => {
    const backend = new FakeBackend(new SystemClock(), hypervisor);
    Object.assign(backend.latency, { describe: 1, start: 3, stop: 2 });
    return backend;
  },
  machine: (name) => ({ name }),
  stubborn: (name) => ({ name, stubborn: true }),
  redefined: (name) => ({ name, version: 2 }),
  count: (_name, id) => (['off', undefined].includes(hypervisor.machines.get(id)?.state) ? 0 : 1),
  kill: (_name, id) => hypervisor.change(id, 'off'),
  pause: (_name, id) => hypervisor.change(id, 'paused'),
  lose: () => hypervisor.lose(),
  restore: () => hypervisor.restore(),
});
