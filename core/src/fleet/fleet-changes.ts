import { ConfigProblems } from '../config/config-problems.js';
import type { OtherUnikernels, Settings, UnikernelSettings } from '../config/settings.js';
import type { NameMatch } from '../dns/resolvers/name-table.js';
import { canonicalName } from '../dns/wire/domain-name.js';
import { errorMessage, JitsuError } from '../errors.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import { UnikernelRecord, type Unikernel } from '../lifecycle/unikernel.js';
import type { BackendStart } from './backend-start.js';
import type { SharedPlan } from './common-plans.js';
import type { Fleet } from './fleet.js';
import { allowCommands, sameMachine } from './fleet-start.js';
import type { Strays } from './strays.js';

/** The names under which DNS finds unikernels. */
interface Names {
  readonly table: { find(name: string): NameMatch<Unikernel> | undefined };
  add(unikernel: Unikernel): void;
  remove(unikernel: Unikernel): void;
  change(unikernel: Unikernel, before: Unikernel['plan']): void;
}

/** How a unikernel is added, or changed. */
export interface ChangeOptions {
  /** Whether it may have DNS names that another one has, too; a query for these is then answered with both. */
  readonly sharesNames?: boolean;
}

/** What changes need of the rest of Jitsu. */
export interface ChangeContext {
  /** The names; throws while Jitsu does not answer. */
  readonly names: () => Names;
  /** Called when anything has changed. */
  readonly changed: () => void;
  /** The machine of this unikernel is there: its backend is followed, and its registration saved. */
  readonly arrived: (backend: GuardedBackend, unikernels: readonly Unikernel[]) => Promise<void>;
}

/** Adds, changes and removes unikernels while everything runs, one after the other. A change that is refused changes nothing. */
export class FleetChanges {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly settings: Pick<Settings, 'connections' | 'readUnikernel'>,
    private readonly fleet: Fleet,
    private readonly lifecycle: Lifecycle,
    private readonly strays: Strays,
    private readonly context: ChangeContext,
  ) {}

  /** See `Jitsu.add`. */
  add(written: unknown, options: ChangeOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      const names = this.context.names();
      const settings = await this.settings.readUnikernel(written, this.#others());
      const { name } = settings;
      const holder = this.fleet.unikernels.get(name);
      if (holder !== undefined) this.#refuse('name', name, `Already the name of ${described(holder)}.`);
      this.#check(settings, undefined, options);
      const start = this.#connected(settings);
      const plan = await this.fleet.plan(settings);
      const owner = this.#ownerOf(plan);
      if (owner !== undefined) throw new ConfigProblems('The unikernel', [sameMachine(name, owner.name)]);
      const unikernel = new UnikernelRecord(plan);
      allowCommands(unikernel);
      this.fleet.list(unikernel);
      start.works = true;
      await this.lifecycle.join(unikernel, (other) => this.fleet.unikernels.get(other) as Unikernel);
      names.add(unikernel);
      this.context.changed();
      await this.context.arrived(start.backend, [unikernel]);
    });
  }

  /** See `Jitsu.change`. */
  change(name: string, written: unknown, options: ChangeOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      const names = this.context.names();
      const unikernel = this.#known(name);
      const settings = await this.settings.readUnikernel(written, this.#others(unikernel));
      if (settings.name !== name)
        this.#refuse('name', settings.name, `${name} expected: remove it, and add the other.`);
      const { plan: before } = unikernel;
      if (settings.backend !== before.backendName) {
        this.#refuse('backend', settings.backend, `${before.backendName} expected: remove it, and add it anew.`);
      }
      this.#check(settings, unikernel, options);
      const { backend } = this.#connected(settings);
      const plan = await this.fleet.plan(settings);
      if (plan.id !== before.id) {
        this.#refuse(
          name,
          `the machine ${plan.id}`,
          `Its machine, ${before.id}, expected: remove it, and add it anew.`,
        );
      }
      allowCommands({ plan });
      this.lifecycle.change(unikernel, plan, (other) => this.fleet.unikernels.get(other) as Unikernel);
      this.fleet.list(unikernel);
      names.change(unikernel, before);
      this.context.changed();
      await this.context.arrived(backend, [unikernel]);
    });
  }

  /** See `Jitsu.remove`. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const names = this.context.names();
      const unikernel = this.#known(name);
      const users = this.fleet.related.filter(({ plan }) => plan.needs?.includes(name) === true);
      if (users.length > 0) {
        const message = `${name} cannot be removed, since ${users.map((user) => user.name).join(' and ')} would need it still. Change or remove that first.`;
        throw new JitsuError('JITSU_UNIKERNEL_INVALID', message);
      }
      names.remove(unikernel);
      this.context.changed();
      this.fleet.drop(unikernel);
      await this.lifecycle.release(unikernel);
      const backend = this.fleet.backends.get(unikernel.plan.backendName);
      // Its machine was never there.
      if (backend === undefined || unikernel.plan.id === '') return;
      await this.strays.release(backend, unikernel);
    });
  }

  /** Carries this out when all earlier changes have ended. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => undefined);
    return done;
  }

  #others(except?: Unikernel): OtherUnikernels {
    const { unikernels, related } = this.fleet;
    const others = related.filter((other) => other !== except);
    return {
      has: (name) => unikernels.has(name) && name !== except?.name,
      names: () => unikernels.keys(),
      hasGroup: (group) => others.some(({ plan }) => plan.group === group),
      needing: others.flatMap(({ name, plan: { needs } }) =>
        needs === undefined ? [] : [{ name, needs, pathOf: () => `${name}.needs` }],
      ),
    };
  }

  #check(settings: UnikernelSettings, present: Unikernel | undefined, { sharesNames = false }: ChangeOptions): void {
    const problems = [...this.fleet.problemsOf(settings, this.settings.connections)];
    const isSame = JSON.stringify(settings.relays) === JSON.stringify(present?.plan.relays ?? []);
    if (!isSame) {
      const expected = 'None, or those that it has: the ports of relays are opened when Jitsu starts.';
      problems.push({ path: 'relay', given: 'other relays', expected });
    }
    for (const written of sharesNames ? [] : settings.names) {
      const name = canonicalName(written);
      const match = this.context.names().table.find(name);
      if (match?.kind !== 'entries' || match.name !== name) continue;
      const holder = match.entries.find((entry) => entry !== present);
      if (holder === undefined) continue;
      problems.push({ path: 'dns', given: `'${name}'`, expected: `Already a name of ${described(holder)}.` });
    }
    if (problems.length > 0) throw new ConfigProblems('The unikernel', problems);
  }

  #connected({ name, backend }: UnikernelSettings): BackendStart {
    const start = this.fleet.starts.get(backend) as BackendStart;
    if (start.isConnected) return start;
    const why = start.error === undefined ? 'it has not answered yet' : errorMessage(start.error);
    const message = `${name} cannot be added or changed now: its backend ${backend} is not connected (${why}). Try again when it is.`;
    throw new JitsuError('JITSU_BACKEND_UNREACHABLE', message);
  }

  /** The unikernel that has this machine; what was left by an earlier configuration is none. */
  #ownerOf({ id, backendName }: SharedPlan): Unikernel | undefined {
    const owner = this.fleet.on(backendName).get(id);
    return owner !== undefined && this.fleet.unikernels.get(owner.name) === owner ? owner : undefined;
  }

  #known(name: string): Unikernel {
    const unikernel = this.fleet.unikernels.get(name);
    if (unikernel !== undefined) return unikernel;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `No unikernel is called ${name}. \`jitsu status\` lists them all.`);
  }

  #refuse(path: string, given: string, expected: string): never {
    throw new ConfigProblems('The unikernel', [{ path, given: `'${given}'`, expected }]);
  }
}

function described({ name, plan: { names, backendName } }: Unikernel): string {
  const called = names.length === 0 ? '' : ` (${names.slice(0, 3).join(', ')})`;
  return `${name}${called}, which the backend ${backendName} runs`;
}
