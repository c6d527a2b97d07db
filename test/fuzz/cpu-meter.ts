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
    const { user, system } = process.cpuUsage(start);
    this.most = Math.max(this.most, user + system);
    return result;
  }
}
