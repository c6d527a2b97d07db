import { SystemClock } from '#core/clock.js';
import type { PowerChange, Registration } from '#core/contracts/backend.js';
import type { StopMode } from '#core/contracts/machine.js';
import { describeBackend } from '@jitsud/core/testing';
import { randomUUID } from 'node:crypto';
import { FakeBackend, fakeOptions, type FakeOptions } from './fake-backend.js';
import { FakeHypervisor } from './fake-hypervisor.js';

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
  'takes any stop mode': class extends FakeBackend {
    override stop(id: string, mode: StopMode, signal: AbortSignal) {
      return super.stop(id, this.capabilities.stopModes.includes(mode) ? mode : 'destroy', signal);
    }
  },
  'waits for ever for a machine that does not stop': class extends FakeBackend {
    override stop(id: string, mode: StopMode) {
      return super.stop(id, mode, new AbortController().signal);
    }
  },
  'stops machines when it closes': class extends FakeBackend {
    override async close() {
      for (const id of this.hypervisor.machines.keys()) this.hypervisor.change(id, 'off');
      await super.close();
    }
  },
  'tells of changes twice': class extends FakeBackend {
    override watch(listener: (change: PowerChange) => void) {
      return super.watch((change) => [change, change].forEach(listener));
    }
  },
  'goes on telling when nobody watches': class extends FakeBackend {
    override watch(listener: (change: PowerChange) => void) {
      super.watch(listener);
      return { [Symbol.dispose]: () => undefined };
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
    refused: [],
    patience: 300,
    setUp: () => {
      hypervisor = new FakeHypervisor();
    },
    connection: () => new FaultyBackend(new SystemClock(), hypervisor),
    machine: (name) => ({ name }),
    stubborn: (name) => ({ name, stubborn: true }),
  });
}
