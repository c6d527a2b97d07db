import type { Clock } from '../contracts/clock.js';
import type { Execution, HeldListener } from '../contracts/machine.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { pollUntil } from '../plugin-kit/poll-until.js';
import type { NeighbourWait } from './guest-neighbours.js';
import type { LifeReports } from './life-reports.js';
import { probedAddresses } from './probed-addresses.js';
import type { Unikernel } from './unikernel.js';

/** What a wait for probes leaves behind, and with what it goes along. */
interface ProbeWait {
  /** Filled with what each probe that is not satisfied has found last. */
  readonly outcomes: Map<object, string>;
  readonly neighbours?: NeighbourWait | undefined;
}

/**
 * Waits until the addresses of a unikernel are known, all its probes are satisfied and, after a boot, its fixed delay
 * has passed. Rejects with the signal's reason when it aborts first, unless the probes do not heed it.
 */
export async function untilReady(
  unikernel: Unikernel,
  booted: boolean,
  life: Pick<LifeReports, 'found'>,
  clock: Clock,
  signal: AbortSignal,
  wait: ProbeWait = { outcomes: new Map() },
): Promise<void> {
  const { outcomes } = wait;
  const { machine, delay } = unikernel.plan;
  if (unikernel.seeksAddresses) {
    const findAddresses = async (): Promise<boolean> => {
      life.found(unikernel, await machine.addresses());
      return unikernel.addresses.length > 0;
    };
    outcomes.set(machine, 'no address was reported');
    await pollUntil(findAddresses, clock, signal);
    outcomes.delete(machine);
  }
  await untilAnswered(unikernel, signal, wait);
  if (booted && delay > 0) await clock.sleep(delay, signal);
}

/** Waits until all probes of a unikernel, whose addresses are known, are satisfied; otherwise as {@link untilReady}. */
export async function untilAnswered(
  unikernel: Unikernel,
  signal: AbortSignal,
  { outcomes, neighbours }: ProbeWait,
): Promise<void> {
  const target: ReadinessTarget = {
    ...targetOf(unikernel),
    ...(neighbours && { leaveNeighbours: () => neighbours.leave() }),
  };
  const { probes, relays } = unikernel.plan;
  const ask = async (probe: ReadinessProbe): Promise<void> => {
    const addresses = probedAddresses(unikernel.addresses, relays, probe.port);
    await probe.untilReady({ ...target, addresses, report: (outcome) => outcomes.set(probe, outcome) }, signal);
    outcomes.delete(probe);
  };
  await Promise.all(probes.map(ask));
}

/** A unikernel as probes and commands see it. */
export function targetOf({ addresses, domainId, plan }: Unikernel): ReadinessTarget {
  const { name, id, machine } = plan;
  // Asked for only by what runs a command: it takes longer than a look at a port.
  const execution = (): Execution | undefined => machine.execution();
  const listener = (address: string, port: number): HeldListener | undefined => machine.listener(address, port);
  return { name, id, addresses, execution, listener, ...(domainId !== undefined && { domainId }) };
}
