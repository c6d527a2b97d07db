import type { LifecycleEvent } from './lifecycle-event.js';

/** Tells the world what has happened. A notifier that is slow or fails delays nothing and is only logged. */
export interface Notifier {
  notify(event: LifecycleEvent): Promise<void>;
}
