import type { PowerChange } from '#core/contracts/backend.js';
import type { MachineId, OutdatedDefinition, PowerState } from '#core/contracts/machine.js';
import { createHash } from 'node:crypto';

/** What may change in a unikernel while its machine runs. */
export interface FakeDefinition {
  readonly version: number;
  readonly addresses: readonly string[];
}

export interface FakeMachine {
  readonly name: string;
  readonly id: MachineId;
  readonly macs: readonly string[];
  /** Does not react to being asked to shut down. */
  readonly stubborn: boolean;
  state: PowerState;
  domainId: number | undefined;
  detail: string | undefined;
  /** Set by tests of a machine whose definition has changed since it was started. */
  outdated?: OutdatedDefinition | undefined;
  /** What a backend has started it by. */
  startedAs?: FakeDefinition | undefined;
  /** How often it has been started. */
  starts: number;
}

/** The virtualisation system behind {@link FakeBackend}: its machines live on while nobody is connected. */
export class FakeHypervisor {
  readonly machines = new Map<MachineId, FakeMachine>();
  readonly #connections = new Set<(change: PowerChange | 'lost' | 'back') => void>();
  #reachable = true;
  #nextDomainId = 1;

  get reachable(): boolean {
    return this.#reachable;
  }

  /** The machine of that name, made where there is none. */
  define(name: string, stubborn = false): FakeMachine {
    const id = uuidOf(name);
    const known = this.machines.get(id);
    if (known !== undefined) return known;
    const machine: FakeMachine = {
      name,
      id,
      macs: [`00:16:3e:${id.slice(0, 2)}:${id.slice(2, 4)}:${id.slice(4, 6)}`],
      stubborn,
      state: 'off',
      domainId: undefined,
      detail: undefined,
      starts: 0,
    };
    this.machines.set(id, machine);
    return machine;
  }

  /** Moves a machine to another state, whoever asked for that, and tells everybody who is connected. */
  change(id: MachineId, state: PowerState, detail?: string): void {
    const machine = this.machines.get(id);
    if (machine === undefined || machine.state === state) return;
    if (machine.state === 'off') {
      machine.domainId = this.#nextDomainId++;
      machine.outdated = undefined;
      machine.startedAs = undefined;
      machine.starts += 1;
    }
    if (state === 'off') machine.domainId = undefined;
    machine.state = state;
    machine.detail = detail;
    // Who has lost it hears of nothing until it is back.
    if (this.#reachable) this.#tell({ id, state, ...(detail === undefined ? {} : { detail }) });
  }

  /** The system stops answering; its machines run on. */
  lose(): void {
    this.#reachable = false;
    this.#tell('lost');
  }

  restore(): void {
    this.#reachable = true;
    this.#tell('back');
  }

  /** Tells a connection what happens from now on. */
  connect(listener: (change: PowerChange | 'lost' | 'back') => void): Disposable {
    this.#connections.add(listener);
    return { [Symbol.dispose]: () => this.#connections.delete(listener) };
  }

  #tell(change: PowerChange | 'lost' | 'back'): void {
    for (const listener of [...this.#connections]) listener(change);
  }
}

function uuidOf(name: string): MachineId {
  const digits = createHash('sha1').update(`fake ${name}`).digest('hex');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-5${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}
