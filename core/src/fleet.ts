import type { Settings, UnikernelSettings } from './config/settings.js';
import { ConfigProblems, type ConfigProblem } from './config/config-problems.js';
import type { Backend, UnikernelId } from './contracts/backend.js';
import type { StateStore, StoredCounters, StoredRegistration } from './contracts/state-store.js';
import { errorCode, errorMessage, JitsuError } from './errors.js';
import type { Instances } from './instances.js';
import { Unikernel } from './lifecycle/unikernel.js';

/** How many registrations a backend is asked for at once. */
const AT_ONCE = 256;

/** All backends by the name of their connection, and all unikernels by their own. */
export class Fleet {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly unikernels = new Map<string, Unikernel>();
  /** Whose machine it is, by connection and id. */
  readonly #owners = new Map<string, string>();

  /** Makes the backends, and opens nothing. @throws JITSU_CONFIG_INVALID for a stop mode that its backend lacks */
  constructor(
    private readonly settings: Settings,
    private readonly instances: Instances,
  ) {
    this.backends = new Map(settings.connections.map((connection) => [connection.name, instances.backend(connection)]));
    this.#refuse(settings.unikernels.flatMap((unikernel) => this.#unsupportedMode(unikernel) ?? []));
  }

  /** The unikernels of one backend. */
  of(backend: Backend): readonly Unikernel[] {
    return [...this.unikernels.values()].filter(({ plan }) => plan.backend === backend);
  }

  /** By its name, one of its DNS names, or its id. @throws JITSU_UNIKERNEL_UNKNOWN */
  find(name: string): Unikernel {
    const wanted = name.toLowerCase().replace(/\.$/, '');
    const unikernel =
      this.unikernels.get(name) ??
      [...this.unikernels.values()].find(({ plan }) => plan.names.includes(wanted) || plan.id === wanted);
    if (unikernel) return unikernel;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `No unikernel is called ${name}. \`jitsu status\` lists them all.`);
  }

  /**
   * Registers every unikernel with its backend. `onCount` is called whenever a counter has changed.
   * @throws JITSU_CONFIG_INVALID with all that the backends and the boot configurators object to
   */
  async register(onCount: (unikernel: Unikernel) => void): Promise<void> {
    const problems: ConfigProblem[] = [];
    const { unikernels } = this.settings;
    for (let first = 0; first < unikernels.length; first += AT_ONCE) {
      const batch = unikernels.slice(first, first + AT_ONCE);
      const ids = await Promise.allSettled(batch.map((unikernel) => this.#register(unikernel)));
      const checked = await Promise.allSettled(batch.map((unikernel) => this.#checkBoot(unikernel)));
      for (const [index, id] of ids.entries()) {
        const unikernel = batch[index] as UnikernelSettings;
        if (id.status === 'fulfilled') problems.push(...this.#add(unikernel, id.value, onCount));
        else if (errorCode(id.reason) === 'JITSU_BACKEND_UNREACHABLE') throw id.reason;
        else problems.push(objection(unikernel, 'refused by its backend', id.reason));
        const boot = checked[index];
        if (boot?.status === 'rejected') problems.push(objection(unikernel, 'it could not boot', boot.reason));
      }
    }
    this.#refuse(problems);
  }

  /** Carries on with the counters of an earlier life. */
  recall(counters: readonly StoredCounters[]): void {
    for (const { unikernel: name, startedAt, totalStarts, names } of counters) {
      const unikernel = this.unikernels.get(name);
      if (!unikernel) continue;
      unikernel.startedAt = startedAt;
      unikernel.totalStarts = totalStarts;
      for (const { name: dnsName, requests, lastAsked } of names) {
        Object.assign(unikernel.counters.get(dnsName) ?? {}, { requests, lastAsked });
      }
    }
  }

  async save(store: StateStore): Promise<void> {
    await store.saveRegistrations([...this.unikernels.values()].map(registrationOf));
  }

  async #register({ name, backend, options }: UnikernelSettings): Promise<UnikernelId> {
    return this.#backend(backend).register({ name, options });
  }

  async #checkBoot({ name, backend, options }: UnikernelSettings): Promise<void> {
    if (!this.#backend(backend).capabilities.bootConfigurators) return;
    for (const configurator of this.instances.bootConfigurators) await configurator.check?.({ name, options });
  }

  #add(settings: UnikernelSettings, id: UnikernelId, onCount: (unikernel: Unikernel) => void): ConfigProblem[] {
    const { name, names, addresses, ttl, backend, stopMode, delay, deadline, grace, ready, stopPolicies } = settings;
    const { https, svcb } = settings;
    const machine = JSON.stringify([backend, id]);
    const owner = this.#owners.get(machine);
    if (owner !== undefined) return [sameMachine(name, owner)];
    this.#owners.set(machine, name);
    const plan = {
      ...{ name, id, names, addresses, ttl, stopMode, delay, deadline, grace, https, svcb },
      backend: this.#backend(backend),
      backendName: backend,
      probes: ready.map((probe) => this.instances.worded(probe)),
      stopPolicies: stopPolicies.map((policy) => this.instances.worded(policy)),
    };
    this.unikernels.set(name, new Unikernel(plan, onCount));
    return [];
  }

  #unsupportedMode({ name, backend, stopMode }: UnikernelSettings): ConfigProblem | undefined {
    const { stopModes } = this.#backend(backend).capabilities;
    if (stopModes.includes(stopMode)) return undefined;
    const expected = `The backend ${backend} can stop a unikernel by: ${stopModes.join(', ')}.`;
    return { path: `the stop mode of ${name}`, given: `'${stopMode}'`, expected, code: 'JITSU_STOP_MODE_UNSUPPORTED' };
  }

  #refuse(problems: readonly ConfigProblem[]): void {
    if (problems.length > 0) throw new ConfigProblems(this.settings.file ?? 'The command line', problems);
  }

  #backend(name: string): Backend {
    return this.backends.get(name) as Backend;
  }
}

/** The counters as they are stored. */
export function countersOf({ name, startedAt, totalStarts, counters }: Unikernel): StoredCounters {
  const names = [...counters.values()].map(({ name, requests, lastAsked }) => ({
    ...{ name, requests },
    ...(lastAsked !== undefined && { lastAsked }),
  }));
  return { unikernel: name, totalStarts, names, ...(startedAt !== undefined && { startedAt }) };
}

function registrationOf({ plan }: Unikernel): StoredRegistration {
  const { name, id, backendName, names, addresses, ttl, stopMode } = plan;
  return { unikernel: name, backend: backendName, ...{ id, names, addresses, ttl, stopMode } };
}

/** Two of them would stop it under each other's feet. */
function sameMachine(name: string, owner: string): ConfigProblem {
  return {
    path: name,
    given: `the same machine as ${owner}`,
    expected: `One unikernel for one machine; give ${owner} all the names under \`dns\`.`,
    code: 'JITSU_UNIKERNEL_INVALID',
  };
}

function objection({ name }: UnikernelSettings, given: string, error: unknown): ConfigProblem {
  return { path: name, given, expected: errorMessage(error), code: errorCode(error) ?? '' };
}
