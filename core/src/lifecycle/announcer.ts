import type { Clock } from '../contracts/clock.js';
import type { LifecycleEvent, LifecycleEventKind } from '../contracts/lifecycle-event.js';
import type { Unikernel } from './unikernel.js';

/** Announces what has happened to a unikernel, with everything known about it at that moment. */
export class Announcer {
  constructor(
    private readonly sink: (event: LifecycleEvent) => void,
    private readonly clock: Clock,
  ) {}

  announce(
    unikernel: Unikernel,
    kind: LifecycleEventKind,
    more: Pick<LifecycleEvent, 'cause' | 'code' | 'reason' | 'duration'> = {},
  ): void {
    const { plan, state, macs, domainId, addresses } = unikernel;
    this.sink({
      kind,
      at: this.clock.wallTime(),
      unikernel: plan.name,
      id: plan.id,
      backend: plan.backendName,
      state,
      addresses,
      macs,
      ...(domainId !== undefined && { domainId }),
      ...more,
    });
  }

  /** Announces a change that Jitsu did not cause. */
  announceChange(unikernel: Unikernel, kind: LifecycleEventKind): void {
    const { detail } = unikernel;
    this.announce(unikernel, kind, detail === undefined ? {} : { reason: detail });
  }
}
