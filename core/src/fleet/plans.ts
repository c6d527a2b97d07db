import type { UnikernelSettings } from '../config/settings.js';
import type { Machine, StopMode } from '../contracts/machine.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { ServicePort } from '../contracts/service-endpoints.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import { CommonPlans, planOf, type CommonPlan, type SharedPlan } from './common-plans.js';
import type { Instances } from './instances.js';

/** Makes the plans of unikernels of their settings, with the probes and policies that these name. */
export class Plans {
  readonly #common = new CommonPlans((settings) => this.#commonPlan(settings));

  /** @param backends by connection name */
  constructor(
    private readonly instances: Instances,
    private readonly backends: ReadonlyMap<string, GuardedBackend>,
  ) {}

  of(settings: UnikernelSettings, machine: Machine): SharedPlan {
    return planOf(settings, machine, this.#common.of(settings));
  }

  #commonPlan(settings: UnikernelSettings): CommonPlan {
    const { ttl, stopMode, replace, delay, deadline, grace, watch, ready, stopPolicies, https, svcb } = settings;
    const { awake, answersAtOnce, wakesOn, keepWhile, ports, useRules, relays } = settings;
    const backend = this.backends.get(settings.backend) as GuardedBackend;
    const probes = ready.map((probe) => this.instances.probe(probe));
    return {
      ...{ ttl, stopMode, replace, delay, deadline, grace, watch, awake, useRules, relays, https, svcb, backend },
      ...{ answersAtOnce, wakesOn },
      endingMode: endingModeOf(stopMode, backend),
      keepWhile: keepWhile && this.instances.keepCommand(keepWhile),
      canSuspend: backend.capabilities.stopModes.includes('suspend'),
      probes,
      ports: ports.length > 0 ? ports : portsOf(probes),
      stopPolicies: stopPolicies.map((policy) => this.instances.stopPolicy(policy)),
    };
  }
}

/** The ports that probes ask, which are taken for the service where none is configured. */
function portsOf(probes: readonly ReadinessProbe[]): readonly ServicePort[] {
  const numbers = new Set(probes.flatMap(({ port }) => port ?? []));
  return [...numbers].map((port) => ({ protocol: 'tcp', port }));
}

/** The modes after which every machine is off. */
const ENDING_MODES: readonly StopMode[] = ['destroy', 'shutdown'];

/** The mode in which a machine is stopped that must not be kept in memory: the usual one where it is such a mode. */
function endingModeOf(stopMode: StopMode, { capabilities }: GuardedBackend): StopMode {
  if (ENDING_MODES.includes(stopMode)) return stopMode;
  return capabilities.stopModes.includes('shutdown') ? 'shutdown' : 'destroy';
}
