/** Loaded into a Jitsu by `--import`: tells its parent what it holds, when it is asked. */
process.on('message', () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.(heapUsed + external);
});
// A parent that asks no more is no reason to go on.
process.channel?.unref();
