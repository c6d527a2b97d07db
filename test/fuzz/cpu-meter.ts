/** Measures what packets cost. */
export class CpuMeter {
  /** What the dearest packet has cost since the last `reset`, in µs of processor time. */
  most = 0;

  reset(): void {
    this.most = 0;
  }

  /** @param work what one packet causes */
  async packet<T>(work: () => T | Promise<T>): Promise<T> {
    const start = process.cpuUsage();
    const result = await work();
    this.most = Math.max(this.most, timeSince(start));
    return result;
  }
}

const memory = new Uint8Array(65_536).map((_, index) => index * 7);
/** What the yardstick takes at its best, in µs. */
let best = Infinity;

/**
 * How many times longer the processor takes at the moment than at its best: a neighbour that uses the other half of a
 * core, or the caches, makes the same work cost half as much again.
 */
export function slowness(): number {
  const times = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage();
    yardstick();
    return timeSince(start);
  }).sort((one, other) => one - other);
  best = Math.min(best, Math.max(1, times[0] as number));
  return (times[2] as number) / best;
}

/** Work of the kind that a message causes: bytes, small objects, a map. */
function yardstick(): number {
  const places = new Map<number, { readonly at: number; readonly byte: number }>();
  let sum = 0;
  for (let at = 0; at < memory.length; at++) {
    sum = (sum + (memory[at] as number)) | 0;
    if (at % 16 === 0) places.set(at, { at, byte: sum & 255 });
  }
  for (const { byte } of places.values()) sum += byte;
  return sum;
}

function timeSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}
