import type { Clock } from '../contracts/clock.js';
import { JitsuError } from '../errors.js';
import { acceptsNow } from '../net/accepts-now.js';
import { endpointText, type Endpoint } from '../net/endpoint.js';
import { listenerLeader, listenerOwner } from '../net/listener-owner.js';
import { isOwnAddress, plainAddress } from '../net/own-address.js';
import { probedAddresses } from './probed-addresses.js';
import type { Unikernel } from './unikernel.js';

/** Where the probes of a unikernel ask for connections. */
export function* probedEndpoints({ plan, addresses }: Unikernel): Iterable<Endpoint> {
  for (const { port } of plan.probes) {
    if (port === undefined) continue;
    for (const address of probedAddresses(addresses, plan.relays, port)) yield { address, port };
  }
}

/**
 * To be called before a process is started, whose probes would take whatever answers at its address for its service. A
 * machine that is no process is let be at an address of this machine, which a proxy may have that always runs.
 * @param onElsewhere called for each endpoint that is not one of this machine
 * @param strays what may still run and is no configured unikernel's any more: one that has the port is named
 * @throws JITSU_ADDRESS_IN_USE
 */
export async function checkAddressesFree(
  unikernel: Unikernel,
  clock: Clock,
  onElsewhere: (endpoint: Endpoint) => void,
  strays: Iterable<Unikernel> = [],
): Promise<void> {
  const { name, plan } = unikernel;
  for (const endpoint of probedEndpoints(unikernel)) {
    if (!isOwnAddress(plainAddress(endpoint.address))) {
      onElsewhere(endpoint);
      continue;
    }
    // Jitsu itself has the port, and nobody else.
    if (plan.machine.listener(endpoint.address, endpoint.port) !== undefined) continue;
    if (!(await acceptsNow(endpoint, clock)) || plan.machine.execution() === undefined) continue;
    const owner = (await listenerOwner(endpoint)) ?? 'another program';
    const stray = await strayAt(endpoint, strays);
    const at = endpointText(endpoint);
    const [culprit, remedy] =
      stray === undefined
        ? [`${owner} answers at ${at} already`, 'End that']
        : [`${stray}, not configured any more, answers at ${at} (${owner})`, `End it by "jitsu stop ${stray}"`];
    const message = `${name} is not started: ${culprit}. ${remedy}, or give ${name} another address or port.`;
    throw new JitsuError('JITSU_ADDRESS_IN_USE', message);
  }
}

/** The name of the one of these that answers there: as far as can be seen, else the one that had the address. */
async function strayAt(endpoint: Endpoint, strays: Iterable<Unikernel>): Promise<string | undefined> {
  const left = [...strays].filter(({ state }) => state === 'running');
  if (left.length === 0) return undefined;
  const leaders = left.map(({ domainId }) => domainId).filter((pid) => pid !== undefined);
  const leader = await listenerLeader(endpoint, leaders);
  const stray = left.find(({ domainId, addresses }) =>
    leader === 'unknown' ? addresses.includes(endpoint.address) : leader !== undefined && domainId === leader,
  );
  return stray?.name;
}
