import type { Endpoint } from '../config/settings.js';
import { BadControlRequest } from './control-request.js';
import type { ControlActions, FlushReport, StatusReport, UnikernelStatus } from './status-report.js';
import type { StopMode } from '../contracts/machine.js';
import type { Clock } from '../contracts/clock.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { HistoryQuery, StateStore } from '../contracts/state-store.js';
import type { CacheStatus, CachingResolver } from '../dns/cache/caching-resolver.js';
import { JitsuError } from '../errors.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import type { Unikernel } from '../lifecycle/unikernel.js';
import type { HistoryWriter } from '../state/history-writer.js';
import { VERSION } from '../version.js';

/** More in a report would hold up the answers while it is put together. */
const REPORTED = 10_000;

/** Where the configuration came from, where and how DNS is answered at the moment, and how those fare whom Jitsu tells. */
export interface Setting {
  readonly file: string | undefined;
  listening(): readonly Endpoint[];
  udpTransport(): StatusReport['udpTransport'] | undefined;
  /** How often what was refused, by kind. */
  refused(): StatusReport['dns']['refused'];
  notifiers(): StatusReport['notifiers'];
  /** Absent before DNS is answered. */
  cache(): Pick<CachingResolver, 'status' | 'flush'> | undefined;
  /** Has the uses of answers that were given again counted. */
  settleUses(): void;
  /** Drops the answers that are given again without asking the cache. */
  forgetReusable(): void;
}

const NOTHING_CACHED: CacheStatus = { hits: 0, misses: 0, stale: 0, prefetches: 0, entries: 0, bytes: 0, size: 0 };

/** What the owner of a running Jitsu can see and do. */
export class Controls implements ControlActions {
  readonly #startedAt: Milliseconds;

  constructor(
    private readonly setting: Setting,
    private readonly fleet: Fleet,
    private readonly lifecycle: Pick<Lifecycle, 'summon' | 'stop' | 'status'>,
    private readonly writer: HistoryWriter,
    private readonly store: StateStore,
    private readonly clock: Clock,
  ) {
    this.#startedAt = clock.now();
  }

  status(): StatusReport {
    this.setting.settleUses();
    const { file } = this.setting;
    const udpTransport = this.setting.udpTransport();
    const { unikernels } = this.fleet;
    const further = unikernels.size - REPORTED;
    return {
      version: VERSION,
      pid: process.pid,
      now: this.clock.now(),
      startedAt: this.#startedAt,
      ...(file !== undefined && { configFile: file }),
      listening: this.setting.listening(),
      ...(udpTransport !== undefined && { udpTransport }),
      dns: { cache: this.setting.cache()?.status ?? NOTHING_CACHED, refused: this.setting.refused() },
      unikernels: selectForStatus(unikernels, REPORTED).map((unikernel) => this.lifecycle.status(unikernel)),
      ...(further > 0 && { further }),
      notifiers: this.setting.notifiers(),
    };
  }

  async summon(name: string): Promise<UnikernelStatus> {
    const unikernel = this.fleet.find(name);
    await this.lifecycle.summon(unikernel, { kind: 'command' });
    return this.lifecycle.status(unikernel);
  }

  async stop(name: string, mode?: StopMode): Promise<UnikernelStatus> {
    const unikernel = this.fleet.find(name);
    const { backendName } = unikernel.plan;
    const stopModes = this.fleet.backends.get(backendName)?.capabilities.stopModes ?? [];
    if (mode !== undefined && !stopModes.includes(mode)) {
      const message = `The backend ${backendName} of ${name} has no stop mode '${mode}'. It has: ${stopModes.join(', ')}.`;
      throw new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', message);
    }
    await this.lifecycle.stop(unikernel, 'by command', mode);
    return this.lifecycle.status(unikernel);
  }

  async flush(name?: string): Promise<FlushReport> {
    try {
      const flushed = this.setting.cache()?.flush(name) ?? 0;
      this.setting.forgetReusable();
      return { flushed };
    } catch (error) {
      throw error instanceof RangeError ? new BadControlRequest(400, `${error.message}.`) : error;
    }
  }

  async history(query: HistoryQuery): Promise<readonly LifecycleEvent[]> {
    await this.writer.flush();
    return this.store.history(query);
  }
}

/**
 * Those that a report shows, at most so many: all where they fit, else first those of which there is something to tell,
 * then others, in the order of the configuration.
 */
export function selectForStatus(
  unikernels: { readonly size: number; values(): Iterable<Unikernel> },
  limit: number,
): readonly Unikernel[] {
  if (unikernels.size <= limit) return [...unikernels.values()];
  const eventful: Unikernel[] = [];
  const quiet: Unikernel[] = [];
  for (const unikernel of unikernels.values()) {
    const list = isEventful(unikernel) ? eventful : quiet;
    if (list.length < limit) list.push(unikernel);
  }
  return eventful.concat(quiet.slice(0, limit - eventful.length));
}

/** Whether it has been asked for, runs, or has failed. */
function isEventful({ phase, state, counted }: Unikernel): boolean {
  return counted !== undefined || state !== 'off' || phase !== 'down';
}
