import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { ownThreadId, setThreadPriority } from '#core/dns/transport/mmsg/thread-priority.js';
import { requireMmsg } from '../../../../support/udp-transports.js';

describe('the precedence of a thread', () => {
  before(function () {
    requireMmsg(this);
  });

  it('is given to the calling thread by its number, and taken back, by root; others hear that they may not', () => {
    const task = ownThreadId();
    assert.equal(task, process.pid, 'the main thread has the number of its process');
    const usual = getPriority();
    const refusal = setThreadPriority(task, true);
    if (process.getuid?.() === 0) assert.deepEqual([refusal, getPriority()], [undefined, usual - 10]);
    else assert.deepEqual([refusal, getPriority()], ['EACCES', usual]);
    setThreadPriority(task, false);
  });

  it('is left to somebody else who may set it', () => {
    const set: number[][] = [];
    const usual = getPriority();
    const renice = (...order: number[]): boolean => set.push(order) > 0;
    setThreadPriority(process.pid, true, renice);
    setThreadPriority(process.pid, false, renice);
    assert.deepEqual(set, [
      [process.pid, usual - 10],
      [process.pid, usual],
    ]);
    assert.equal(getPriority(), usual);
    assert.equal(
      setThreadPriority(2 ** 30, true, () => false),
      'ESRCH',
    );
  });

  it('of a thread that is no more is refused', () => {
    assert.equal(setThreadPriority(2 ** 30, true), 'ESRCH');
  });
});
