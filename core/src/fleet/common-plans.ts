import type { UnikernelSettings } from '../config/settings.js';
import type { CommonPlan } from '../lifecycle/shared-plan.js';

type Known = readonly [settings: UnikernelSettings, plan: CommonPlan];

/** How many are remembered; what differs from all of them is planned anew, which costs memory and nothing else. */
const REMEMBERED = 16;

/** Gives unikernels whose settings are the same, but for what is each one's own, the same plan. */
export class CommonPlans {
  readonly #known: Known[] = [];
  #next = 0;

  constructor(private readonly make: (settings: UnikernelSettings) => CommonPlan) {}

  of(settings: UnikernelSettings): CommonPlan {
    const known = this.#known.find(([other]) => isTreatedAlike(settings, other));
    if (known !== undefined) return known[1];
    const plan = this.make(settings);
    this.#known[this.#next] = [settings, plan];
    this.#next = (this.#next + 1) % REMEMBERED;
    return plan;
  }
}

function isTreatedAlike(one: UnikernelSettings, other: UnikernelSettings): boolean {
  return (
    one.backend === other.backend &&
    one.ready === other.ready &&
    one.stopPolicies === other.stopPolicies &&
    one.https === other.https &&
    one.svcb === other.svcb &&
    one.ttl === other.ttl &&
    one.stopMode === other.stopMode &&
    one.delay === other.delay &&
    one.deadline === other.deadline &&
    one.grace === other.grace
  );
}
