import assert from 'node:assert/strict';
import type { StopOpinion, StopPolicy } from '#core/contracts/stop-policy.js';
import { GuardedStopPolicy } from '#core/lifecycle/guarded-stop-policy.js';
import { Life } from '../../support/life.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const activity = { unikernel: 'web', since: 0, names: [] };

function guarded(opinionOn: StopPolicy['opinionOn']): { policy: GuardedStopPolicy; logger: MemoryLogger } {
  const logger = new MemoryLogger();
  return { policy: new GuardedStopPolicy('odd:7', { opinionOn }, logger), logger };
}

describe('a stop policy as the core uses it', () => {
  it('has the opinion of the policy', () => {
    for (const opinion of [
      undefined,
      { stop: 'idle' },
      { keepUntil: 9 },
      { keepUntil: Infinity },
      { undecidedUntil: 9 },
    ]) {
      const { policy, logger } = guarded(() => opinion);
      assert.equal(policy.opinionOn(activity, 5), opinion);
      assert.deepEqual(logger.entries, []);
    }
  });

  for (const [what, opinion] of Object.entries<unknown>({
    'no number': { keepUntil: NaN },
    'no time': { keepUntil: undefined },
    'a text': { undecidedUntil: '9' },
    'a time that is over': { keepUntil: 5 },
    'no reason': { stop: true },
    'an absent reason beside a time': { stop: undefined, keepUntil: 9 },
    'an absent time beside one': { keepUntil: undefined, undecidedUntil: 9 },
    'what keeps it as a number': { keepUntil: 9, why: 7 },
    nothing: {},
    null: null,
    'a word': 'stop',
  })) {
    it(`keeps for a minute when the opinion is ${what}, and logs that once`, () => {
      const { policy, logger } = guarded(() => opinion as StopOpinion);
      for (let time = 0; time < 3; time += 1) assert.deepEqual(policy.opinionOn(activity, 5), { keepUntil: 60_005 });
      assert.equal(logger.entries.length, 1);
      const why = what === 'a time that is over' ? 'it wants to be asked again in the past' : 'its opinion is ';
      const said = `The stop policy odd:7 fails, and unikernels that it decides on are kept: ${why}`;
      assert.ok(logger.entries[0]!.message.startsWith(said), logger.entries[0]!.message);
    });
  }

  it('logs no more than a few failures that differ each time', () => {
    let failures = 0;
    const { policy, logger } = guarded(() => assert.fail(`failure ${++failures}`));
    for (let time = 0; time < 100; time += 1) policy.opinionOn(activity, 5);
    assert.equal(logger.entries.length, 8);
  });

  for (const [what, opinionOn] of Object.entries<StopPolicy['opinionOn']>({
    throws: () => assert.fail('no calendar'),
    'says that it keeps until no number': () => ({ keepUntil: NaN }),
    'wants to be asked again at once for ever': () => ({ undecidedUntil: 0 }),
  })) {
    it(`never stops a unikernel when it ${what}, wakes nobody at once, and breaks no status`, async () => {
      using life = new Life();
      let asked = 0;
      const { policy } = guarded((activity, now) => ((asked += 1), opinionOn(activity, now)));
      const [web] = await life.with({ name: 'web', stopPolicies: [policy] });
      await life.summon(web!);
      assert.equal(life.stopAt(web!), life.clock.now() + 60_000);
      await life.clock.advance(600_000);
      assert.deepEqual([web!.state, life.calls('stop')], ['running', []]);
      assert.ok(asked < 30, `asked ${asked} times`);
    });
  }
});
