import type { Clock } from '../contracts/clock.js';
import { JitsuError } from '../errors.js';
import { acceptsNow } from '../net/accepts-now.js';
import { endpointText } from '../net/endpoint.js';
import { listenerOwner } from '../net/listener-owner.js';
import type { Unikernel } from './unikernel.js';

/**
 * To be called before a process is started, whose probes would take whatever answers at its address for its service. A
 * machine that is no process is let be: its address is not one of this machine, or a proxy that always runs has it.
 * @throws JITSU_ADDRESS_IN_USE
 */
export async function checkAddressesFree({ name, plan, addresses }: Unikernel, clock: Clock): Promise<void> {
  for (const { port } of plan.probes) {
    if (port === undefined) continue;
    for (const address of addresses) {
      const endpoint = { address, port };
      if (!(await acceptsNow(endpoint, clock)) || plan.machine.execution() === undefined) continue;
      const owner = (await listenerOwner(endpoint)) ?? 'another program';
      const message = `${name} is not started: ${owner} answers at ${endpointText(endpoint)} already. End that, or give ${name} another address or port.`;
      throw new JitsuError('JITSU_ADDRESS_IN_USE', message);
    }
  }
}
