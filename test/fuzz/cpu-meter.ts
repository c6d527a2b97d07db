import koffi from 'koffi';

const CLOCK_THREAD_CPUTIME_ID = 3;
const timespec = koffi.struct({ seconds: 'int64', nanoseconds: 'int64' });
const clockGettime = koffi.load('libc.so.6').func('clock_gettime', 'int', ['int', koffi.out(koffi.pointer(timespec))]);
const read = { seconds: 0, nanoseconds: 0 };

/**
 * The processor time of this thread, in µs. That of the process would hold what the threads of V8 take that compile, and
 * collect the garbage of others, while a packet waits for its answer.
 */
function threadTime(): number {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, read);
  return read.seconds * 1e6 + read.nanoseconds / 1e3;
}

/** Measures what packets cost. */
export class CpuMeter {
  /** What the dearest packet has cost since the last `reset`, in µs of processor time. */
  most = 0;

  reset(): void {
    this.most = 0;
  }

  /** @param work what one packet causes */
  async packet<T>(work: () => T | Promise<T>): Promise<T> {
    const start = threadTime();
    const result = await work();
    this.most = Math.max(this.most, Math.round(threadTime() - start));
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
    const start = threadTime();
    yardstick();
    return threadTime() - start;
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
