import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import type { StoredCounters } from '#core/contracts/state-store.js';
import { MemoryStateStore } from '#core/builtins/memory-state-store.js';

/** A memory store whose disk can be full for a while, and that counts how often it was written to. */
export class StoreThatFails extends MemoryStateStore {
  failing = false;
  writes = 0;

  override async saveCounters(counters: readonly StoredCounters[]): Promise<void> {
    this.#write();
    await super.saveCounters(counters);
  }

  override async appendEvent(event: LifecycleEvent): Promise<void> {
    this.#write();
    await super.appendEvent(event);
  }

  #write(): void {
    this.writes += 1;
    if (this.failing) throw new Error('no space left');
  }
}
