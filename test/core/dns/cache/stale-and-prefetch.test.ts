import assert from 'node:assert/strict';
import type { DnsAnswer } from '#core/contracts/resolver.js';
import { JitsuError } from '#core/errors.js';
import { CacheStage } from '../../../support/dns-cache-stage.js';
import { extendedErrorIn, type Reply } from '../../../support/dns-message.js';
import { aSoa, sourceMessage, type SourceRecord } from '../../../support/dns-source.js';

const unreachable = new JitsuError('JITSU_FORWARD_FAILED', 'no upstream answered');
const address = (ttl: number, data = '192.0.2.1'): SourceRecord => ({ name: 'a.test', type: 'A', ttl, data });
const addressIn = ({ answers = [] }: Reply): unknown => (answers[0]?.type === 'A' ? answers[0].data : undefined);
const ttlIn = ({ answers = [], authorities = [] }: Reply): unknown =>
  [...answers, ...authorities].map((record) => ('ttl' in record ? record.ttl : undefined))[0];
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A stage whose source answers only when told to. */
class SlowStage extends CacheStage {
  private readonly waiting: ((answer: DnsAnswer | Error) => void)[] = [];

  slow(): this {
    this.source.behaviour = (_query, signal) =>
      new Promise((resolve, reject) => {
        this.waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    return this;
  }

  async arrive(outcome: Error | SourceRecord): Promise<void> {
    const query = this.source.queries.at(-1);
    assert.ok(query);
    const message = outcome instanceof Error ? undefined : sourceMessage(query, { answers: [outcome] });
    for (const settle of this.waiting.splice(0)) settle(message === undefined ? (outcome as Error) : { message });
    await turns();
  }
}

describe('a cache that serves stale answers', () => {
  const expired = async (settings = {}): Promise<SlowStage> => {
    const stage = new SlowStage({ stale: 600_000, ...settings });
    stage.say({ answers: [address(60)] });
    await stage.ask('a.test');
    await stage.clock.advance(65_000);
    return stage;
  };

  it('answers by what has expired when no upstream does, for 30 s, and says so', async () => {
    const stage = await expired();
    const reply = await stage.fail(unreachable).ask('a.test');
    assert.deepEqual([addressIn(reply), ttlIn(reply)], ['192.0.2.1', 30]);
    assert.deepEqual(extendedErrorIn(reply), { code: 3, text: 'expired 5 s ago, and no upstream has answered' });
    const answer = await stage.answer('a.test');
    assert.ok(answer && 'message' in answer && answer.reusableUntil === undefined);
    assert.equal(stage.cache.status.stale, 2);
  });

  it('does so too when upstreams say SERVFAIL or REFUSED, or are too busy, and tells a stale NXDOMAIN apart', async () => {
    for (const rcode of [2, 5])
      assert.equal(addressIn(await (await expired()).say({ rcode }).ask('a.test')), '192.0.2.1');
    const busy = new JitsuError('JITSU_FORWARD_OVERLOADED', 'busy');
    assert.equal(addressIn(await (await expired()).fail(busy).ask('a.test')), '192.0.2.1');

    const stage = new CacheStage().say({ rcode: 3, authorities: [aSoa('test', 60, 60)] });
    await stage.ask('a.test');
    await stage.clock.advance(60_000);
    const reply = await stage.fail(unreachable).ask('a.test');
    assert.deepEqual([reply.rcode, ttlIn(reply), extendedErrorIn(reply)?.code], ['NXDOMAIN', 30, 19]);
  });

  it('waits 1.8 s for news, and takes what comes later for the next', async () => {
    const stage = (await expired()).slow();
    const asked = stage.ask('a.test');
    await stage.clock.advance(1_799);
    let answered = false;
    void asked.then(() => (answered = true));
    await turns();
    assert.equal(answered, false);
    await stage.clock.advance(1);
    assert.equal(extendedErrorIn(await asked)?.code, 3);
    assert.equal(stage.clock.pending, 0);

    // Who comes while it is still on its way need not wait as long again.
    assert.equal(extendedErrorIn(await stage.ask('a.test'))?.code, 3);
    await stage.arrive(address(60, '192.0.2.9'));
    assert.equal(addressIn(await stage.ask('a.test')), '192.0.2.9');
    assert.equal(stage.asked, 2);
  });

  it('gives what comes in time', async () => {
    const stage = (await expired()).slow();
    const asked = stage.ask('a.test');
    await stage.clock.advance(1_000);
    await stage.arrive(address(60, '192.0.2.9'));
    assert.equal(addressIn(await asked), '192.0.2.9');
    assert.equal(stage.clock.pending, 0);
    assert.equal(stage.cache.status.stale, 0);
  });

  it('renews it although the asker is gone', async () => {
    const stage = (await expired()).slow();
    const controller = new AbortController();
    const asked = stage.ask('a.test', {}, controller.signal);
    await turns();
    controller.abort(new Error('gone'));
    await stage.arrive(address(60, '192.0.2.9'));
    await asked;
    assert.equal(addressIn(await stage.ask('a.test')), '192.0.2.9');
  });

  it('does not try again before its time after a renewal that failed', async () => {
    const stage = (await expired()).fail(unreachable);
    await stage.ask('a.test');
    await stage.clock.advance(4_999);
    await stage.ask('a.test');
    assert.equal(stage.asked, 2);
    await stage.clock.advance(1);
    await stage.ask('a.test');
    assert.equal(stage.asked, 3);
  });

  it('does not try again either after a renewal that was refused', async () => {
    const stage = (await expired()).say({ rcode: 5 });
    for (let round = 0; round < 3; round++) assert.equal(addressIn(await stage.ask('a.test')), '192.0.2.1');
    assert.equal(stage.asked, 2);
  });

  it('remembers a failure where what it has is too old', async () => {
    const stage = (await expired()).fail(unreachable);
    await stage.clock.advance(600_000);
    await assert.rejects(stage.ask('a.test'), unreachable);
    assert.equal((await stage.ask('a.test')).rcode, 'SERVFAIL');
    assert.equal(stage.asked, 2);
  });

  it('gives it up when its time is over, and when an upstream says something that cannot be kept', async () => {
    const stage = (await expired()).fail(unreachable);
    await stage.clock.advance(594_999);
    assert.equal(addressIn(await stage.ask('a.test')), '192.0.2.1');
    await stage.clock.advance(5_000);
    await assert.rejects(stage.ask('a.test'), unreachable);

    const other = (await expired()).say({ answers: [address(0, '192.0.2.9')] });
    assert.equal(addressIn(await other.ask('a.test')), '192.0.2.9');
    await assert.rejects(other.fail(unreachable).ask('a.test'), unreachable);
  });

  it('does nothing of this where it is not wanted', async () => {
    const stage = (await expired({ stale: 0 })).fail(unreachable);
    await assert.rejects(stage.ask('a.test'), unreachable);
  });
});

describe('a cache that renews ahead of time', () => {
  it('answers at once in the last tenth, and asks once meanwhile', async () => {
    const stage = new SlowStage({ prefetch: true });
    stage.say({ answers: [address(100)] });
    await stage.ask('a.test');
    await stage.clock.advance(89_999);
    await stage.ask('a.test');
    assert.equal(stage.asked, 1);
    await stage.clock.advance(1);
    stage.slow();
    for (let round = 0; round < 3; round++) assert.equal(ttlIn(await stage.ask('a.test')), 10);
    assert.equal(stage.asked, 2);
    await stage.arrive(address(100, '192.0.2.9'));
    const renewed = await stage.ask('a.test');
    assert.deepEqual([addressIn(renewed), ttlIn(renewed)], ['192.0.2.9', 100]);
    assert.equal(stage.cache.status.prefetches, 1);
  });

  it('keeps what it has when that fails, and waits before it tries again', async () => {
    const stage = new CacheStage({ prefetch: true }).say({ answers: [address(100)] });
    await stage.ask('a.test');
    await stage.clock.advance(90_000);
    stage.fail(unreachable);
    for (let round = 0; round < 3; round++) {
      assert.equal(ttlIn(await stage.ask('a.test')), 10);
      await turns();
    }
    assert.equal(stage.asked, 2);
    await stage.clock.advance(5_000);
    assert.equal(ttlIn(await stage.ask('a.test')), 5);
    assert.equal(stage.asked, 3);
  });

  it('leaves alone what lives for less than 10 s, and all where it is not wanted', async () => {
    for (const [prefetch, ttl] of [
      [true, 9],
      [false, 100],
    ] as const) {
      const stage = new CacheStage({ prefetch }).say({ answers: [address(ttl)] });
      await stage.ask('a.test');
      await stage.clock.advance(ttl * 1_000 - 1);
      await stage.ask('a.test');
      assert.equal(stage.asked, 1);
    }
  });

  it('takes a tenth of the queries to upstreams at most', async () => {
    const stage = new SlowStage({ prefetch: true }, 20);
    stage.source.behaviour = ({ name, message }) => ({
      message: sourceMessage({ message }, { answers: [{ ...address(100), name }] }),
    });
    const names = Array.from({ length: 5 }, (_, index) => `${index}.test`);
    for (const name of names) await stage.ask(name);
    await stage.clock.advance(95_000);
    stage.slow();
    for (const name of names) await stage.ask(name);
    assert.equal(stage.asked, names.length + 2);
    await stage.arrive(unreachable);
    for (const name of names) await stage.ask(name);
    assert.equal(stage.asked, names.length + 4);
  });
});

describe('a cache that is asked the same by several at once', () => {
  const two = () => {
    const stage = new SlowStage().slow();
    const [one, other] = [new AbortController(), new AbortController()];
    return { stage, one, other };
  };

  it('asks once', async () => {
    const { stage } = two();
    const asked = [stage.ask('a.test', { id: 1 }), stage.ask('A.TEST', { id: 2 })];
    await turns();
    assert.equal(stage.asked, 1);
    await stage.arrive(address(60));
    const replies = await Promise.all(asked);
    assert.deepEqual(
      replies.map(({ id, questions }) => [id, questions?.[0]?.name]),
      [
        [1, 'a.test'],
        [2, 'A.TEST'],
      ],
    );
    assert.equal(stage.cache.status.misses, 2);
  });

  it('goes on although all who wait give up, and keeps what comes of it', async () => {
    const { stage, one, other } = two();
    const asked = [stage.answer('a.test', {}, one.signal), stage.answer('a.test', {}, other.signal)];
    await turns();
    one.abort(new Error('first'));
    other.abort(new Error('second'));
    assert.equal(stage.source.signals[0]?.aborted, false);
    await stage.arrive(address(60));
    await Promise.all(asked);
    assert.equal(addressIn(await stage.ask('a.test')), '192.0.2.1');
    assert.equal(stage.asked, 1);
  });

  it('asks nothing for somebody who is gone already', async () => {
    const { stage, one } = two();
    one.abort(new Error('gone'));
    await assert.rejects(stage.answer('a.test', {}, one.signal), /gone/);
    assert.equal(stage.asked, 0);
  });

  it('fails all of them by one failure', async () => {
    const { stage } = two();
    const asked = [stage.ask('a.test'), stage.ask('a.test')].map((each) => assert.rejects(each, unreachable));
    await turns();
    await stage.arrive(unreachable);
    await Promise.all(asked);
    assert.equal(stage.asked, 1);
  });

  it('remembers no question that is on its way no more, be it answered or failed', async () => {
    const stage = new CacheStage({ size: 0 });
    for (const outcome of [() => undefined, () => ({ rcode: 0 }), () => Promise.reject(unreachable)]) {
      stage.source.behaviour = outcome;
      await stage.answer('a.test').catch(() => undefined);
      assert.equal(stage.cache['inFlight']['places'].size, 0);
    }
    assert.equal(stage.asked, 3);
  });

  it('gives up all that is on its way when it is closed', async () => {
    const { stage } = two();
    const asked = assert.rejects(stage.ask('a.test'), { code: 'JITSU_SHUTTING_DOWN' });
    await turns();
    stage.cache.close();
    await asked;
  });
});
