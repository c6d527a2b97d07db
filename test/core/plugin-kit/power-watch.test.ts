import assert from 'node:assert/strict';
import type { PowerChange } from '#core/contracts/backend.js';
import { PowerWatch } from '#core/plugin-kit/power-watch.js';

describe('the watch of a backend', () => {
  it('hands each change to the latest listener alone, until that one is disposed', () => {
    const changes = new PowerWatch();
    const [first, second]: [PowerChange[], PowerChange[]] = [[], []];
    changes.tell({ id: 'a', state: 'off' });
    const one = changes.watch((change) => first.push(change));
    changes.tell({ id: 'a', state: 'running' });
    const other = changes.watch((change) => second.push(change));
    one[Symbol.dispose]();
    changes.tell({ id: 'a', state: 'off', detail: 'exited' });
    other[Symbol.dispose]();
    changes.tell({ id: 'a', state: 'running' });
    assert.deepEqual(first, [{ id: 'a', state: 'running' }]);
    assert.deepEqual(second, [{ id: 'a', state: 'off', detail: 'exited' }]);
  });

  it('reports every machine as unknown', () => {
    const changes = new PowerWatch();
    const heard: PowerChange[] = [];
    using _watch = changes.watch((change) => heard.push(change));
    changes.tellUnknown(['a', 'b'], 'gone');
    assert.deepEqual(heard, [
      { id: 'a', state: 'unknown', detail: 'gone' },
      { id: 'b', state: 'unknown', detail: 'gone' },
    ]);
  });
});
