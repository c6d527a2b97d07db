import assert from 'node:assert/strict';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { EventLog } from '#core/telemetry/event-log.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';

describe('the event log', () => {
  const cause = { kind: 'query', name: 'hello.example.org', type: 'A', client: '192.0.2.7' } as const;
  const lines: [Partial<LifecycleEvent>, string][] = [
    [{ kind: 'summoning', cause }, 'info: hello: summoning for 192.0.2.7, who asked for hello.example.org A'],
    [{ kind: 'summoning', cause: { kind: 'command' } }, 'info: hello: summoning by command'],
    [{ kind: 'started', domainId: 12 }, 'info: hello: started as 12'],
    [{ kind: 'ready', duration: 84.3 }, 'info: hello: ready after 84 ms at 127.0.0.9'],
    [{ kind: 'adopted', domainId: 12 }, 'info: hello: found running, and adopted as 12'],
    [
      { kind: 'outdated', domainId: 12, reason: 'its ip changed' },
      'warn: hello: runs by an earlier definition as 12: its ip changed',
    ],
    [{ kind: 'summoning', cause: { kind: 'need', of: 'web' } }, 'info: hello: summoning for web, which needs it'],
    [
      { kind: 'summoning', cause: { kind: 'group', of: 'web' } },
      'info: hello: summoning together with web, which is of its group',
    ],
    [{ kind: 'summoning', cause: { kind: 'replacement' } }, 'info: hello: summoning anew, by its present definition'],
    [{ kind: 'stopping', reason: 'no query' }, 'info: hello: stopping: no query'],
    [{ kind: 'stopped', duration: 5, state: 'off' }, 'info: hello: stopped after 5 ms (off)'],
    [
      { kind: 'failed', code: 'JITSU_SUMMON_DEADLINE', reason: 'too slow' },
      'warn: hello: failed: too slow [JITSU_SUMMON_DEADLINE]',
    ],
    [{ kind: 'died', reason: 'exit status 1' }, 'warn: hello: died: exit status 1'],
    [
      { kind: 'unready', code: 'JITSU_SERVICE_UNREADY', reason: 'refuses connections' },
      'warn: hello: not ready any more: refuses connections [JITSU_SERVICE_UNREADY]',
    ],
    [{ kind: 'stop-failed', reason: 'no' }, 'warn: hello: could not be stopped: no'],
    [{ kind: 'lost' }, 'warn: hello: its backend process cannot be asked'],
    [{ kind: 'returned' }, 'info: hello: its backend process answers again: running'],
  ];

  for (const [changes, line] of lines) {
    it(`says "${line}"`, () => {
      const log = new MemoryLogger();
      new EventLog(log).write(anEvent(changes));
      assert.deepEqual(log.lines, [line]);
    });
  }
});
