import type { ServiceEndpoints, UseRules } from '../contracts/service-endpoints.js';
import type { Unikernel } from './unikernel.js';

/** The rules of a plan without any. */
const USUAL_RULES: UseRules = { idle: 900_000, outgoing: false, conntrack: false, ignored: [] };

/** Where the service of a unikernel is reached at this moment, as plugins see it. */
export function endpointsOf({ plan, addresses, macs, domainId }: Unikernel): ServiceEndpoints {
  const { name, id, ports = [], useRules = USUAL_RULES } = plan;
  return { unikernel: name, machine: id, addresses, ports, macs, domainId, rules: useRules };
}

/** Whether a unikernel is still reached where it was. */
export function isReachedAt({ machine, addresses, macs, domainId }: ServiceEndpoints, unikernel: Unikernel): boolean {
  return (
    domainId === unikernel.domainId &&
    machine === unikernel.plan.id &&
    isSame(addresses, unikernel.addresses) &&
    isSame(macs, unikernel.macs)
  );
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some === others || (some.length === others.length && some.every((text, index) => text === others[index]));
}
