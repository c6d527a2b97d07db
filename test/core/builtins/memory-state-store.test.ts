import { MemoryStateStore } from '#core/builtins/memory-state-store.js';
import { describeStateStore } from '@jitsud/core/testing';

describeStateStore('the memory store', {
  store: () => new MemoryStateStore(),
  bounded: (historyLimit) => new MemoryStateStore(historyLimit),
});
