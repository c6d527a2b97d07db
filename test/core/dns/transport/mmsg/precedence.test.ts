import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { ownTask, setPrecedence } from '#core/dns/transport/mmsg/precedence.js';
import { requireMmsg } from '../../../../support/udp-transports.js';

describe('the precedence of a thread', () => {
  before(function () {
    requireMmsg(this);
  });

  it('is given to the calling thread by its number, and taken back, by root; others hear that they may not', () => {
    const task = ownTask();
    assert.equal(task, process.pid, 'the main thread has the number of its process');
    const usual = getPriority();
    const refusal = setPrecedence(task, true);
    if (process.getuid?.() === 0) assert.deepEqual([refusal, getPriority()], [undefined, usual - 10]);
    else assert.deepEqual([refusal, getPriority()], ['EACCES', usual]);
    setPrecedence(task, false);
  });

  it('of a thread that is no more is refused', () => {
    assert.equal(setPrecedence(2 ** 30, true), 'ESRCH');
  });
});
