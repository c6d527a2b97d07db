import type { Clock } from '../contracts/clock.js';
import { JitsuError } from '../errors.js';
import { acceptsNow } from '../net/accepts-now.js';
import { endpointText, type Endpoint } from '../net/endpoint.js';
import { listenerOwner } from '../net/listener-owner.js';
import { isOwnAddress, plainAddress } from '../net/own-address.js';
import type { Unikernel } from './unikernel.js';

/** Where the probes of a unikernel ask for connections. */
export function* probedEndpoints({ plan, addresses }: Unikernel): Iterable<Endpoint> {
  for (const { port } of plan.probes) {
    if (port !== undefined) for (const address of addresses) yield { address, port };
  }
}

/**
 * To be called before a process is started, whose probes would take whatever answers at its address for its service. A
 * machine that is no process is let be at an address of this machine, which a proxy may have that always runs.
 * @param onElsewhere called for each endpoint that is not one of this machine
 * @throws JITSU_ADDRESS_IN_USE
 */
export async function checkAddressesFree(
  unikernel: Unikernel,
  clock: Clock,
  onElsewhere: (endpoint: Endpoint) => void,
): Promise<void> {
  const { name, plan } = unikernel;
  for (const endpoint of probedEndpoints(unikernel)) {
    if (!isOwnAddress(plainAddress(endpoint.address))) {
      onElsewhere(endpoint);
      continue;
    }
    if (!(await acceptsNow(endpoint, clock)) || plan.machine.execution() === undefined) continue;
    const owner = (await listenerOwner(endpoint)) ?? 'another program';
    const message = `${name} is not started: ${owner} answers at ${endpointText(endpoint)} already. End that, or give ${name} another address or port.`;
    throw new JitsuError('JITSU_ADDRESS_IN_USE', message);
  }
}
