import { MemoryStateStore } from '#core/state/memory-state-store.js';
import { describeStoreBehaviour } from './state-store-behaviour.js';

describeStoreBehaviour('the memory store', (historyLimit) => ({
  store: new MemoryStateStore(historyLimit),
  dispose: () => {},
}));
