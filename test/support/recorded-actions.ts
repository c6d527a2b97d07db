import type {
  ControlActions,
  FlushReport,
  GroupReport,
  KeepReport,
  KeepTime,
  StatusReport,
  SummonReport,
  UnikernelStatus,
} from '#core/control/status-report.js';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { anEvent } from './store-records.js';

/** Control actions that remember how they were called, and fail or wait as they are told. */
export class RecordedActions implements ControlActions {
  readonly calls: unknown[][] = [];
  /** What a summon waits for. */
  summoning: Promise<void> = Promise.resolve();
  failure: Error | undefined;

  status(): StatusReport {
    this.calls.push(['status']);
    if (this.failure !== undefined) throw this.failure;
    const cache = { hits: 0, misses: 0, stale: 0, prefetches: 0, entries: 0, bytes: 0, size: 0 };
    const lists = { listening: [], unikernels: [], notifiers: [] };
    return {
      version: '1.2.3',
      pid: process.pid,
      now: 2,
      startedAt: 1,
      dns: { cache, refused: {}, upstreamAnswers: { malformed: 0, scrubbed: 0, rebinding: 0 } },
      ...lists,
    };
  }

  async statusOf(unikernel: string): Promise<StatusReport> {
    const report = this.status();
    this.calls.push(['statusOf', unikernel]);
    return report;
  }

  async summon(unikernel: string): Promise<SummonReport> {
    this.calls.push(['summon', unikernel]);
    await this.summoning;
    return { ...this.#answer(unikernel, 'ready'), wasReady: false };
  }

  async stop(unikernel: string, mode?: string): Promise<UnikernelStatus> {
    this.calls.push(['stop', unikernel, mode]);
    return this.#answer(unikernel, 'down');
  }

  async summonGroup(group: string): Promise<GroupReport<SummonReport>> {
    this.calls.push(['summonGroup', group]);
    return { unikernels: [{ ...this.#answer('web', 'ready'), wasReady: false }], failures: [] };
  }

  async stopGroup(group: string, mode?: string): Promise<GroupReport<UnikernelStatus>> {
    this.calls.push(['stopGroup', group, mode]);
    const failures = [{ unikernel: 'db', code: 'JITSU_BACKEND_FAILED', message: 'It does not stop.' }];
    return { unikernels: [this.#answer('web', 'down')], failures };
  }

  async keep(unikernel: string, time: KeepTime): Promise<KeepReport> {
    this.calls.push(['keep', unikernel, time]);
    return { ...this.#answer(unikernel, 'down'), isStored: true };
  }

  async flush(name?: string): Promise<FlushReport> {
    this.calls.push(['flush', name]);
    return { flushed: 3 };
  }

  async history(query: object): Promise<readonly LifecycleEvent[]> {
    this.calls.push(['history', query]);
    return [anEvent()];
  }

  #answer(name: string, phase: UnikernelStatus['phase']): UnikernelStatus {
    if (this.failure !== undefined) throw this.failure;
    return {
      name,
      id: 'id',
      backend: 'process',
      addresses: [],
      ttl: 60_000,
      stopMode: 'destroy',
      state: 'running',
      phase,
      macs: [],
      totalStarts: 1,
      names: [],
    };
  }
}
