import { SystemClock } from '#core/clock.js';
import type { PowerChange, Registration } from '#core/contracts/backend.js';
import type { PowerState } from '#core/contracts/machine.js';
import { JitsuError } from '#core/errors.js';
import { describeBackend } from '@jitsud/core/testing';
import { randomUUID } from 'node:crypto';
import { FakeBackend, fakeOptions, type FakeOptions } from './fake-backend.js';
import { FakeHypervisor, type FakeMachine } from './fake-hypervisor.js';

/** Backends with one fault each, under the contract suite: a mocha file in which each of them must fail. */
const faults: Record<string, new (...parameters: ConstructorParameters<typeof FakeBackend>) => FakeBackend> = {
  'forgets its ids': class extends FakeBackend {
    override async register(registration: Registration<FakeOptions>) {
      await super.register(registration);
      return randomUUID();
    }
  },
  'starts one machine for each caller': class extends FakeBackend {
    override async start(id: string) {
      const { state } = await this.describe(id);
      await super.start(id);
      if (state === 'off') {
        this.hypervisor.change(id, 'off');
        this.hypervisor.change(id, 'running');
      }
    }
  },
  'gives machines no uuid': class extends FakeBackend {
    override async machine(registration: Registration<FakeOptions>) {
      return { ...(await super.machine(registration)), id: registration.name };
    }
  },
  'makes a machine for each who asks': class extends FakeBackend {
    #count = 0;
    override async register({ name }: Registration<FakeOptions>) {
      return super.register({ name, options: { name: `${name} ${this.#count++}` } });
    }
  },
  'forgets its machines when it closes': class extends FakeBackend {
    #closed = 0;
    override async close() {
      await super.close();
      this.#closed += 1;
    }
    override async machine(registration: Registration<FakeOptions>) {
      const machine = await super.machine(registration);
      const closed = this.#closed;
      return { ...machine, start: async () => (closed === this.#closed ? machine.start() : Promise.reject(gone())) };
    }
  },
  'knows a state of its own': class extends FakeBackend {
    override async describe(id: string) {
      return { ...(await super.describe(id)), state: 'up' as PowerState };
    }
  },
  'tells of a state of its own': class extends FakeBackend {
    override watch(listener: (change: PowerChange) => void) {
      return super.watch((change) => listener({ ...change, state: 'up' as PowerState }));
    }
  },
  'stops nothing': class extends FakeBackend {
    override async stop() {}
  },
  'stops machines when it closes': class extends FakeBackend {
    override async close() {
      for (const id of this.hypervisor.machines.keys()) this.hypervisor.change(id, 'off');
      await super.close();
    }
  },
  'goes on telling when nobody watches': class extends FakeBackend {
    override watch(listener: (change: PowerChange) => void) {
      super.watch(listener);
      return { [Symbol.dispose]: () => undefined };
    }
  },
  'tells of nothing that is left': class extends FakeBackend {
    override async strays() {
      return [];
    }
  },
  'takes what is registered for left': class extends FakeBackend {
    override async strays() {
      const machines = [...this.hypervisor.machines.values()].filter(({ state }) => state !== 'off');
      const all = await Promise.all(machines.map(({ name }) => this.machine({ name, options: { name } })));
      return machines.map(({ name }, index) => ({ name, machine: all[index]! }));
    }
  },
  'has commands run otherwise than it has said': class extends FakeBackend {
    override async machine(registration: Registration<FakeOptions>) {
      return { ...(await super.machine(registration)), execution: () => ({ cwd: '/', env: {} }) };
    }
  },
  'does not see that a definition has changed': class extends FakeBackend {
    override outdated() {
      return undefined;
    }
  },
  'takes everything for outdated': class extends FakeBackend {
    override outdated() {
      return { changed: 'version', addresses: ['192.0.2.1', '192.0.2.2'] };
    }
  },
  'does not know with which addresses a machine was started': class extends FakeBackend {
    override outdated(machine: FakeMachine) {
      const outdated = super.outdated(machine);
      return outdated && { changed: outdated.changed };
    }
  },
  'says what has changed without a word': class extends FakeBackend {
    override outdated(machine: FakeMachine) {
      const outdated = super.outdated(machine);
      return outdated && { ...outdated, changed: '' };
    }
  },
  'resumes nothing': class extends FakeBackend {
    override async resume() {}
  },
};

for (const [fault, FaultyBackend] of Object.entries({ 'has no fault': FakeBackend, ...faults })) {
  let hypervisor: FakeHypervisor;
  describeBackend(fault, {
    schema: fakeOptions,
    stopModes: { destroy: 'off', shutdown: 'off', suspend: 'suspended' },
    watches: true,
    tellsStrays: true,
    refused: [],
    patience: 300,
    setUp: () => {
      hypervisor = new FakeHypervisor();
    },
    connection: () => new FaultyBackend(new SystemClock(), hypervisor),
    machine: (name) => ({ name }),
    stubborn: (name) => ({ name, stubborn: true }),
    redefined: (name) => ({ name, version: 2 }),
  });
}

function gone(): Error {
  return new JitsuError('JITSU_BACKEND_FAILED', 'The machine is forgotten.');
}
