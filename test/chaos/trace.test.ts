import assert from 'node:assert/strict';
import type { LifecycleEvent, LifecycleEventKind } from '#core/contracts/lifecycle-event.js';
import { eventsIn, stoppedEarly, timesToNotice, toldAfterEnd } from './trace.js';

const event = (kind: LifecycleEventKind, at: number, reason = ''): LifecycleEvent => ({
  ...{ kind, at, reason, unikernel: 'web', id: 'id', backend: 'process', state: 'off', addresses: [], macs: [] },
});
const told = (sentAt: number, heardAt = sentAt + 1) => ({ sentAt, heardAt, rcode: 'NOERROR', address: '127.0.0.2' });

describe('the trace of a Jitsu in chaos', () => {
  it('shows an address that was told after the end was seen', () => {
    const events = [event('ready', 1_000), event('died', 2_000), event('ready', 3_000)];
    assert.equal(toldAfterEnd(events, [told(2_100)]).length, 1);
    assert.deepEqual(toldAfterEnd(events, [told(1_500), told(1_999, 2_001), told(2_100, 3_001), told(3_500)]), []);
  });

  it('shows a stop within the time that a query keeps a unikernel for', () => {
    const stop = event('stopping', 3_000, 'no query for twice the TTL');
    assert.equal(stoppedEarly([stop], [told(1_500)], 2_000).length, 1);
    assert.deepEqual(stoppedEarly([stop], [told(900), told(3_500)], 2_000), []);
    assert.deepEqual(stoppedEarly([event('stopping', 3_000, 'jitsu stop')], [told(2_500)], 2_000), []);
  });

  it('is read from lines of which the last may be cut off', () => {
    const log = `plain text\n${JSON.stringify({ event: event('died', 7) })}\n{"event":{"kind":"re`;
    assert.deepEqual(
      eventsIn(log).map(({ kind }) => kind),
      ['died'],
    );
    assert.deepEqual(timesToNotice(eventsIn(log), [5]), [2]);
  });
});
