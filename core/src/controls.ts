import type { Endpoint } from './config/settings.js';
import type { ControlActions, StatusReport, UnikernelStatus } from './control/status-report.js';
import type { StopMode } from './contracts/backend.js';
import type { Clock } from './contracts/clock.js';
import type { LifecycleEvent } from './contracts/lifecycle-event.js';
import type { Milliseconds } from './contracts/milliseconds.js';
import type { HistoryQuery, StateStore } from './contracts/state-store.js';
import { JitsuError } from './errors.js';
import type { Fleet } from './fleet.js';
import type { Reaper } from './lifecycle/reaper.js';
import type { Stopper } from './lifecycle/stopper.js';
import type { Summons } from './lifecycle/summoner.js';
import type { HistoryWriter } from './state/history-writer.js';
import { statusOf } from './status.js';
import { VERSION } from './version.js';

/** Where the configuration came from, where DNS is answered at the moment, what its server has to tell, and how those fare whom Jitsu tells. */
export interface Setting {
  readonly file: string | undefined;
  listening(): readonly Endpoint[];
  dns(): StatusReport['dns'];
  notifiers(): StatusReport['notifiers'];
}

/** What the owner of a running Jitsu can see and do. */
export class Controls implements ControlActions {
  readonly #startedAt: Milliseconds;

  constructor(
    private readonly setting: Setting,
    private readonly fleet: Fleet,
    private readonly summoner: Summons,
    private readonly stopper: Stopper,
    private readonly reaper: Reaper,
    private readonly writer: HistoryWriter,
    private readonly store: StateStore,
    private readonly clock: Clock,
  ) {
    this.#startedAt = clock.now();
  }

  status(): StatusReport {
    const { file } = this.setting;
    return {
      version: VERSION,
      pid: process.pid,
      now: this.clock.now(),
      startedAt: this.#startedAt,
      ...(file !== undefined && { configFile: file }),
      listening: this.setting.listening(),
      dns: this.setting.dns(),
      unikernels: [...this.fleet.unikernels.values()].map((unikernel) => statusOf(unikernel, this.reaper)),
      notifiers: this.setting.notifiers(),
    };
  }

  async summon(name: string): Promise<UnikernelStatus> {
    const unikernel = this.fleet.find(name);
    await this.summoner.summon(unikernel, { kind: 'command' });
    return statusOf(unikernel, this.reaper);
  }

  async stop(name: string, mode?: StopMode): Promise<UnikernelStatus> {
    const unikernel = this.fleet.find(name);
    const { backend, backendName } = unikernel.plan;
    const { stopModes } = backend.capabilities;
    if (mode !== undefined && !stopModes.includes(mode)) {
      const message = `The backend ${backendName} of ${name} has no stop mode '${mode}'. It has: ${stopModes.join(', ')}.`;
      throw new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', message);
    }
    await this.stopper.stop(unikernel, 'by command', mode);
    return statusOf(unikernel, this.reaper);
  }

  async history(query: HistoryQuery): Promise<readonly LifecycleEvent[]> {
    await this.writer.flush();
    return this.store.history(query);
  }
}
