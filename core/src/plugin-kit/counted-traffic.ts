import type { ActivitySource, Traffic } from '../contracts/activity-source.js';
import type { Clock } from '../contracts/clock.js';
import type { MachineId } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { untilAborted } from './until-aborted.js';

/** The time over which packets are counted. */
const WINDOW: Milliseconds = 60_000;

/** A count that is older says nothing of the last minute. */
const OLDEST: Milliseconds = 2 * WINDOW;

interface Count {
  readonly at: Milliseconds;
  readonly packets: number;
  /** When there were last enough of them. */
  readonly lastPacket: Milliseconds;
}

/**
 * Takes a machine for used while the counters of its network interfaces say that more packets come and go than a quiet
 * network sends by itself: a hint, since nobody knows whose they are. Of the time before it was asked first it knows
 * nothing, so that it is asked twice, a minute apart, before it speaks for a stop.
 */
export class CountedTraffic implements ActivitySource {
  readonly #counts = new Map<MachineId, Count>();

  /**
   * @param threshold in packets a minute, of both directions
   * @param packetsOf the packets of a running machine since it was started, by its backend
   */
  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly threshold: number,
    private readonly packetsOf: (machine: MachineId) => Promise<number>,
  ) {}

  sees({ machine }: ServiceEndpoints): boolean {
    return machine !== '';
  }

  async observe({ machine }: ServiceEndpoints, signal: AbortSignal): Promise<Traffic> {
    signal.throwIfAborted();
    const packets = await untilAborted(this.packetsOf(machine), signal);
    const at = this.clock.now();
    const before = this.#counts.get(machine);
    const elapsed = before === undefined ? Infinity : at - before.at;
    if (before === undefined || elapsed > OLDEST || packets < before.packets) {
      this.#counts.set(machine, { at, packets, lastPacket: at });
      return { lastPacket: at };
    }
    if (elapsed < WINDOW) return { lastPacket: before.lastPacket };
    const each = Math.round(((packets - before.packets) / elapsed) * WINDOW);
    const isUsed = each >= this.threshold;
    const lastPacket = isUsed ? at : before.lastPacket;
    this.#counts.set(machine, { at, packets, lastPacket });
    return { lastPacket, ...(isUsed && { detail: `${each} packets a minute` }) };
  }
}
