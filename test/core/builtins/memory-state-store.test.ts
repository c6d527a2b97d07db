import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { describeStoreBehaviour } from '../state/state-store-behaviour.js';

describeStoreBehaviour('the memory store', (historyLimit) => ({
  store: new MemoryStateStore(historyLimit),
  dispose: () => {},
}));
