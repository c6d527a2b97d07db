import type { StatusReport, UnikernelStatus } from '@jitsud/core/control';

/** 22 July 2026, 21:06, where the test runs. */
export const reportTime = new Date(2026, 6, 22, 21, 6, 0).getTime();

/** The status of a web server that has been asked for three times and is ready. */
export function aUnikernelStatus(parts: Partial<UnikernelStatus> = {}): UnikernelStatus {
  return {
    name: 'hello',
    id: '00000000-0000-5000-8000-000000000001',
    backend: 'process',
    addresses: ['127.0.0.80'],
    ttl: 60_000,
    stopMode: 'destroy',
    state: 'running',
    phase: 'ready',
    macs: [],
    startedAt: reportTime - 115_000,
    totalStarts: 1,
    names: [{ name: 'hello.jitsu.test', requests: 3, lastAsked: reportTime - 12_000 }],
    stopAt: reportTime + 108_000,
    ...parts,
  };
}

/** The report of a Jitsu that has been up for an hour and serves these. */
export function aStatusReport(
  unikernels: readonly UnikernelStatus[],
  notifiers: StatusReport['notifiers'] = [],
): StatusReport {
  return {
    version: '0.1.0',
    pid: 4711,
    now: reportTime,
    startedAt: reportTime - 3_600_000,
    listening: [{ address: '127.0.0.1', port: 10_053 }],
    dns: {
      cache: { hits: 0, misses: 0, stale: 0, prefetches: 0, entries: 0, bytes: 0, size: 33_554_432 },
      refused: { client: 0 },
      upstreamAnswers: { malformed: 0, scrubbed: 0, rebinding: 0 },
    },
    unikernels,
    notifiers,
  };
}
