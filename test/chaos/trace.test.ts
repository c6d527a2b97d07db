import assert from 'node:assert/strict';
import type { LifecycleEvent, LifecycleEventKind } from '#core/contracts/lifecycle-event.js';
import {
  compareNotices,
  eventsIn,
  failedStarts,
  judgeCuts,
  judgeLies,
  lastLies,
  noticesOf,
  stoppedEarly,
  stoppedWhileKept,
  toldAfterEnd,
} from './trace.js';

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
    for (const reason of ['by command', 'its command and ip changed']) {
      assert.deepEqual(stoppedEarly([event('stopping', 3_000, reason)], [told(2_500)], 2_000), []);
    }
  });

  it('shows a stop of what others keep that are ready', () => {
    const stop = event('stopping', 3_000, 'no query for twice the TTL');
    const other = (kind: LifecycleEventKind, at: number) => ({ ...event(kind, at), unikernel: 'page' });
    const judge = (events: readonly LifecycleEvent[], since = 0) =>
      stoppedWhileKept(
        events,
        'web',
        ['page'],
        () => true,
        () => since,
      );
    assert.equal(judge([other('ready', 1_000), stop]).length, 1);
    assert.deepEqual(judge([other('ready', 1_000), other('died', 2_000), stop]), []);
    assert.deepEqual(judge([other('ready', 1_000), stop], 1_500), []);
    assert.deepEqual(judge([other('ready', 1_000), event('stopping', 3_000, 'by command')]), []);
  });

  it('shows a connection that was cut while it was used', () => {
    const cut = { name: 'web', from: 1_000, at: 3_000 };
    assert.equal(judgeCuts([], [cut]).length, 1);
    assert.equal(judgeCuts([event('stopping', 2_990, 'no query for twice the TTL')], [cut]).length, 1);
    assert.deepEqual(judgeCuts([event('stopping', 2_990, 'by command')], [cut]), []);
  });

  it('is read from lines of which the last may be cut off', () => {
    const log = `plain text\n${JSON.stringify({ event: event('died', 7) })}\n{"event":{"kind":"re`;
    assert.deepEqual(
      eventsIn(log).map(({ kind }) => kind),
      ['died'],
    );
  });

  it('shows a start that failed though nobody did anything', () => {
    const events = [event('summoning', 1_000), event('failed', 1_500, 'no such file')];
    assert.equal(failedStarts(events, () => false).length, 1);
    assert.deepEqual(
      failedStarts(events, (from, until) => from === 1_000 && until === 1_500),
      [],
    );
  });

  it('shows kills that were not seen, and times the others as an idle process does', () => {
    const events = [event('died', 1_007), event('stopped', 20_000), event('summoning', 30_100)];
    const kills = [
      { at: 1_000, ended: { at: 1_003 } },
      { at: 10_000 },
      { at: 19_999, ended: { at: 20_000 } },
      { at: 30_000, ended: { at: 30_001 } },
    ];
    const { seen, unseen } = noticesOf(events, kills);
    assert.deepEqual(seen, [{ unikernel: 'web', killedAt: 1_000, byJitsu: 7, byIdle: 3 }]);
    assert.deepEqual(
      unseen.map(({ at }) => at),
      [10_000],
    );
  });

  it('shows answers that were given after the end', () => {
    const events = [event('died', 1_150), event('ready', 2_000)];
    const kills = [{ at: 1_000, ended: { at: 1_010 } }];
    assert.deepEqual(lastLies(events, [told(1_005), told(1_050), told(1_100, 2_001)], kills), [40]);
    assert.deepEqual(lastLies(events, [], kills), [0]);
    assert.equal(judgeLies([0, 8], 3).fault, undefined);
    assert.match(judgeLies([0, 9], 3).fault ?? '', /answers outlive programs/);
  });

  it('shows ends that are seen much later than by an idle process', () => {
    const notice = (byJitsu: number, byIdle: number) => ({ unikernel: 'web', killedAt: 0, byJitsu, byIdle });
    assert.equal(compareNotices([notice(18, 3)]).fault, undefined);
    assert.match(compareNotices([notice(19, 3)]).fault ?? '', /p50 is 16\.0 ms beyond/);
    const many = Array.from({ length: 400 }, (_, index) => notice(index < 5 ? 20 : 2, 2));
    assert.match(compareNotices(many).fault ?? '', /p99 is 18\.0 ms beyond/);
  });
});
