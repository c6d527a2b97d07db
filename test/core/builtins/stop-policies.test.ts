import { describeStopPolicy } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import type { Activity, StopPolicy } from '#core/contracts/stop-policy.js';
import { KeepAliveStopPolicy } from '#core/builtins/keep-alive-stop-policy.js';
import { MaxLifetimeStopPolicy } from '#core/builtins/max-lifetime-stop-policy.js';
import { verdictOn } from '#core/lifecycle/reaper.js';
import { TrafficStopPolicy } from '#core/builtins/traffic-stop-policy.js';
import { TtlStopPolicy } from '#core/builtins/ttl-stop-policy.js';

const activity: Activity = {
  unikernel: 'web',
  since: 0,
  names: [
    { name: 'a.test', ttl: 1_000, lastAsked: 0 },
    { name: 'b.test', ttl: 2_000, lastAsked: 500 },
  ],
};

describe('the TTL stop policy', () => {
  it('keeps a unikernel until twice the TTL after the last query for any of its names', () => {
    const policy = new TtlStopPolicy();
    assert.deepEqual(policy.opinionOn(activity, 4_499), { keepUntil: 4_500, why: 'queries' });
    assert.deepEqual(policy.opinionOn(activity, 4_500), { stop: 'no query for twice the TTL' });
  });
});

describe('the traffic stop policy', () => {
  const after = (window: number, traffic: Activity['traffic'], now: number): unknown =>
    new TrafficStopPolicy(window).opinionOn({ ...activity, traffic }, now);

  it('keeps a unikernel for its window after the last packet', () => {
    const traffic = { connections: 0, lastPacket: 10_000, detail: '192.0.2.7' };
    assert.deepEqual(after(60_000, traffic, 69_999), { keepUntil: 70_000, why: '192.0.2.7' });
    assert.equal(after(60_000, traffic, 70_000), undefined);
  });

  it('keeps it after a connection that is over as after a query, and no longer than its window', () => {
    const traffic = { connections: 0, lastClosed: 10_000 };
    const why = 'a connection that has just ended';
    assert.deepEqual(after(60_000, traffic, 13_999), { keepUntil: 14_000, why });
    assert.equal(after(60_000, traffic, 14_000), undefined);
    assert.deepEqual(after(3_000, traffic, 12_999), { keepUntil: 13_000, why });
    assert.deepEqual(after(60_000, { ...traffic, lastPacket: 10_000 }, 14_000), { keepUntil: 70_000, why: 'traffic' });
  });
});

describe('the keep-alive stop policy', () => {
  it('keeps a unikernel for good', () => {
    assert.deepEqual(new KeepAliveStopPolicy().opinionOn(), { keepUntil: Infinity, why: 'its policy keep-alive' });
  });
});

describe('the max-lifetime stop policy', () => {
  it('leaves the decision to the next until the lifetime is over', () => {
    const policy = new MaxLifetimeStopPolicy(10_000);
    assert.deepEqual(policy.opinionOn(activity, 9_999), { undecidedUntil: 10_000 });
    assert.deepEqual(policy.opinionOn(activity, 10_000), { stop: 'its lifetime is over' });
  });
});

const inUse: Activity = {
  ...activity,
  since: 1_000,
  names: [
    { name: 'a.test', ttl: 1_000, lastAsked: 2_000 },
    { name: 'b.test', ttl: 2_000, lastAsked: 1_500 },
  ],
};

describeStopPolicy('the TTL policy', {
  policy: () => new TtlStopPolicy(),
  examples: [
    { it: 'keeps until twice the TTL', activity: inUse, now: 5_499, opinion: { keepUntil: 5_500, why: 'queries' } },
    { it: 'stops from then on', activity: inUse, now: 5_500, opinion: { stop: /twice the TTL/ } },
  ],
});

describeStopPolicy('the keep-alive policy', {
  policy: () => new KeepAliveStopPolicy(),
  examples: [
    {
      it: 'keeps for ever',
      activity: inUse,
      now: 1e12,
      opinion: { keepUntil: Infinity, why: 'its policy keep-alive' },
    },
  ],
});

describeStopPolicy('the lifetime policy', {
  policy: () => new MaxLifetimeStopPolicy(10_000),
  examples: [
    { it: 'leaves the decision to others at first', activity: inUse, now: 2_000, opinion: { undecidedUntil: 11_000 } },
    { it: 'stops at the end', activity: inUse, now: 11_000, opinion: { stop: /lifetime/ } },
  ],
});

describe('a chain of stop policies', () => {
  const says = (opinion: ReturnType<StopPolicy['opinionOn']>): StopPolicy => ({ opinionOn: () => opinion });

  it('follows the first that keeps or stops', () => {
    const chain = [says(undefined), says({ keepUntil: 50 }), says({ stop: 'too late' })];
    assert.deepEqual(verdictOn(chain, activity, 0), { askAgainAt: 50 });
    assert.deepEqual(verdictOn([says({ stop: 'now' }), says({ keepUntil: 50 })], activity, 0), { stop: 'now' });
  });

  it('asks again at the earliest time that any of them named', () => {
    const chain = [says({ undecidedUntil: 30 }), says({ undecidedUntil: 40 }), says({ keepUntil: 50 })];
    assert.deepEqual(verdictOn(chain, activity, 0), { askAgainAt: 30 });
  });

  it('keeps a unikernel of which no policy has an opinion', () => {
    assert.deepEqual(verdictOn([says(undefined)], activity, 0), { askAgainAt: Infinity });
    assert.deepEqual(verdictOn([], activity, 0), { askAgainAt: Infinity });
  });
});
