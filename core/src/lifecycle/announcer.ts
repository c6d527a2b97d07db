import type { Clock } from '../contracts/clock.js';
import type { LifecycleEvent, LifecycleEventKind } from '../contracts/lifecycle-event.js';
import type { Unikernel } from './unikernel.js';

/** Takes every lifecycle event, at once and without throwing. */
export type EventSink = (event: LifecycleEvent) => void;

/** Says what has happened to a unikernel, with all that is known of it at that moment. */
export class Announcer {
  constructor(
    private readonly sink: EventSink,
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
      at: this.clock.now(),
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
}
