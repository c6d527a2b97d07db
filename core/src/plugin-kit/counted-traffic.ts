import { z } from 'zod';
import type { ActivitySource, Traffic } from '../contracts/activity-source.js';
import type { Clock } from '../contracts/clock.js';
import type { MachineId } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { untilAborted } from './until-aborted.js';

/** The time over which packets are counted. */
const WINDOW: Milliseconds = 60_000;

/** Over a longer time than this, the mean says nothing of its last minute. */
const LONGEST: Milliseconds = 2 * WINDOW;

const EXPECTED = 'A number of packets a minute expected, at least 1.';

/** The setting of a backend for {@link CountedTraffic}. `description` says what counts as used. */
export function packetThreshold(description: string) {
  return z
    .number(EXPECTED)
    .int(EXPECTED)
    .min(1, EXPECTED)
    .optional()
    .describe(`${description}; they are not counted without it`);
}

interface Count {
  /** Which run of the machine it is of, where its backend tells. */
  readonly domainId: number | undefined;
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
    private readonly packetsOf: (endpoints: ServiceEndpoints) => Promise<number>,
  ) {}

  sees({ machine }: ServiceEndpoints): boolean {
    return machine !== '';
  }

  async observe(endpoints: ServiceEndpoints, signal: AbortSignal): Promise<Traffic> {
    signal.throwIfAborted();
    const packets = await untilAborted(this.packetsOf(endpoints), signal);
    const at = this.clock.now();
    const { machine, domainId } = endpoints;
    const before = this.#counts.get(machine);
    if (before === undefined || before.domainId !== domainId || packets < before.packets) {
      // What came before the first count, nobody knows.
      this.#counts.set(machine, { domainId, at, packets, lastPacket: at });
      return { lastPacket: at };
    }
    const elapsed = at - before.at;
    if (elapsed < WINDOW) return { lastPacket: before.lastPacket };
    const more = packets - before.packets;
    const each = Math.round((more / elapsed) * WINDOW);
    // They may have come all together.
    const isUsed = (elapsed > LONGEST ? more : each) >= this.threshold;
    const lastPacket = isUsed ? at : before.lastPacket;
    this.#counts.set(machine, { domainId, at, packets, lastPacket });
    return { lastPacket, ...(isUsed && { detail: `${each} packets a minute` }) };
  }
}
