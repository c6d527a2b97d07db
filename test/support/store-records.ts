import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import type { StoredCounters, StoredRegistration } from '#core/contracts/state-store.js';

export function aRegistration(changes: Partial<StoredRegistration> = {}): StoredRegistration {
  return {
    unikernel: 'hello',
    id: '7b0b1b9e-0f56-4c0a-8f0e-111111111111',
    backend: 'process',
    names: ['hello.example.org'],
    addresses: ['127.0.0.9', '::1'],
    ttl: 60_000,
    stopMode: 'destroy',
    ...changes,
  };
}

export function someCounters(changes: Partial<StoredCounters> = {}): StoredCounters {
  return {
    unikernel: 'hello',
    startedAt: 1_700_000_000_000,
    totalStarts: 1,
    names: [{ name: 'hello.example.org', requests: 2, lastAsked: 1_700_000_000_500 }],
    ...changes,
  };
}

export function anEvent(changes: Partial<LifecycleEvent> = {}): LifecycleEvent {
  return {
    kind: 'ready',
    at: 1_700_000_000_000,
    unikernel: 'hello',
    id: '7b0b1b9e-0f56-4c0a-8f0e-111111111111',
    backend: 'process',
    state: 'running',
    addresses: ['127.0.0.9'],
    macs: [],
    ...changes,
  };
}
