/** How long something takes, in milliseconds. */
export async function timeOf(task: () => unknown): Promise<number> {
  const started = performance.now();
  await task();
  return performance.now() - started;
}
