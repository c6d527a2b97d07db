import assert from 'node:assert/strict';
import { shuttingDown } from '#core/errors.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { BootQueue } from '#core/lifecycle/boot-queue.js';

describe('the queue of boots', () => {
  const { signal } = new AbortController();

  it('tells when the first boot begins and when none is left, and not of those in between', async () => {
    const told: boolean[] = [];
    const queue = new BootQueue(2, 10, (booting) => told.push(booting));
    const leaves = [await queue.enter(signal), await queue.enter(signal)];
    const third = queue.enter(signal);
    assert.deepEqual(told, [true]);
    leaves[0]?.();
    leaves[1]?.();
    assert.deepEqual([told, queue.booting], [[true], 1]);
    (await third)();
    assert.deepEqual([told, queue.booting], [[true, false], 0]);
    (await queue.enter(signal))();
    assert.deepEqual(told, [true, false, true, false]);
  });

  it('tells nothing of one that gives up before its turn', async () => {
    const told: boolean[] = [];
    const queue = new BootQueue(1, 10, (booting) => told.push(booting));
    const leave = await queue.enter(signal);
    const impatient = new AbortController();
    const waiting = queue.enter(impatient.signal);
    impatient.abort(new Error('too late'));
    await assert.rejects(waiting, /too late/);
    leave();
    assert.deepEqual(told, [true, false]);
  });

  it('rejects who waits when it is closed, and who comes later, and leaves a place to those who have one', async () => {
    const queue = new BootQueue(1, 10);
    const leave = await queue.enter(signal);
    const waiting = queue.enter(signal);
    const release = queue.hold();
    queue.close(shuttingDown());
    await rejectsWithCode(waiting, 'JITSU_SHUTTING_DOWN');
    await rejectsWithCode(queue.enter(signal), 'JITSU_SHUTTING_DOWN');
    release();
    assert.deepEqual([queue.booting, queue.waiting], [1, 0]);
    leave();
    assert.equal(queue.booting, 0);
  });

  it('lets as many begin as may, when it is not held any more', async () => {
    const queue = new BootQueue(2, 1);
    const release = queue.hold();
    const entered: number[] = [];
    const enter = async (number: number): Promise<() => void> => {
      const leave = await queue.enter(signal);
      entered.push(number);
      return leave;
    };
    const [first, , third] = [enter(1), enter(2), enter(3)];
    await assert.rejects(queue.enter(signal), { code: 'JITSU_BOOT_QUEUE_FULL' });
    assert.deepEqual([queue.booting, queue.waiting], [0, 3]);
    release();
    const leave = await first;
    assert.deepEqual([queue.booting, queue.waiting], [2, 1]);
    assert.deepEqual(entered, [1, 2]);
    leave();
    await third;
    assert.deepEqual(entered, [1, 2, 3]);
  });

  it('lets nobody in whose signal was aborted before, and takes no place for them', async () => {
    const queue = new BootQueue(1, 10);
    const aborted = AbortSignal.abort(new Error('too late'));
    await assert.rejects(queue.enter(aborted), /too late/);
    const leave = await queue.enter(signal);
    await assert.rejects(queue.enter(aborted), /too late/);
    assert.deepEqual([queue.booting, queue.waiting], [1, 0]);
    leave();
    leave();
    assert.equal(queue.booting, 0, 'a place is given back once');
  });
});
