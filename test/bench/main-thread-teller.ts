/** Loaded into a Jitsu by `--import`: tells its parent what the main thread holds and how late it was, when it is asked. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const NANOSECONDS = 1e6;
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();

process.on('message', () => {
  const latest = delay.max / NANOSECONDS;
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ heap: (heapUsed + external) / 2 ** 20, latest });
  // The next count begins behind what this has cost.
  setImmediate(() => delay.reset());
});
// A parent that asks no more is no reason to go on.
process.channel?.unref();
