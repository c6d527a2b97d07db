import assert from 'node:assert/strict';
import type { LifecycleEvent } from '@jitsud/core';
import { historyTable } from '#cli/output/history-table.js';

const at = new Date(2026, 6, 22, 21, 4, 5, 7).getTime();
const event: LifecycleEvent = {
  kind: 'ready',
  at,
  unikernel: 'hello',
  id: '1',
  backend: 'process',
  state: 'running',
  addresses: [],
  macs: [],
};

describe('the history table', () => {
  it('says who woke a unikernel, and after how long it was ready', () => {
    const cause = { kind: 'query', name: 'hello.jitsu.test', type: 'A', client: '192.0.2.1' } as const;
    assert.equal(
      historyTable([{ ...event, duration: 84, cause }]),
      'TIME                     UNIKERNEL  EVENT   TOOK  WHY\n' +
        '2026-07-22 21:04:05.007  hello      ready  84 ms  192.0.2.1 asked for hello.jitsu.test A\n',
    );
  });

  it('says why one failed', () => {
    const failed = { ...event, kind: 'failed', code: 'JITSU_SUMMON_DIED', reason: 'exited with status 1' } as const;
    assert.match(historyTable([failed]), /failed +- {2}JITSU_SUMMON_DIED {2}exited with status 1\n/);
  });

  it('says so when nothing has happened', () => {
    assert.equal(historyTable([]), 'Nothing has happened yet.\n');
  });
});
