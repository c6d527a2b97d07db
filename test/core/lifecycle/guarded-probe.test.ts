import assert from 'node:assert/strict';
import type { ReadinessProbe } from '#core/contracts/readiness-probe.js';
import { JitsuError } from '#core/errors.js';
import { GuardedProbe } from '#core/lifecycle/guarded-probe.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { Life } from '../../support/life.js';

const target = { name: 'web', id: 'id-of-web', addresses: [] };
const never = new AbortController().signal;

describe('a readiness probe as the core uses it', () => {
  for (const [how, untilReady] of Object.entries({
    rejects: async () => Promise.reject(new RangeError('no such port')),
    throws: () => {
      throw new RangeError('no such port');
    },
  })) {
    it(`is named, with its unikernel, when it ${how}, and the summon has failed`, async () => {
      const probe = new GuardedProbe('odd:7', { untilReady });
      const error = await rejectsWithCode(probe.untilReady(target, never), 'JITSU_SUMMON_FAILED');
      assert.equal(error.message, 'The readiness probe odd:7 of web failed: no such port');
      using life = new Life();
      const [web] = await life.with({ name: 'web', probes: [probe] });
      await rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_FAILED');
      assert.equal(web!.failure?.code, 'JITSU_SUMMON_FAILED');
    });
  }

  it('reports what its attempts find under its own words, which the error of the deadline repeats', async () => {
    const untilReady: ReadinessProbe['untilReady'] = async ({ report }, signal) => {
      report?.('it is empty');
      report?.('it has 7');
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    };
    const satisfied: ReadinessProbe['untilReady'] = async ({ report }) => report?.('nothing yet');
    using life = new Life();
    const probes = [new GuardedProbe('odd:8', { untilReady }), new GuardedProbe('fine', { untilReady: satisfied })];
    const [web] = await life.with({ name: 'web', probes });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(web!.plan.deadline);
    assert.match((await failed).message, /It ran, but was not ready: odd:8: it has 7\. Check its ready: probe/);
  });

  it('passes on errors of ours, and the reason of the signal', async () => {
    const ours = new JitsuError('JITSU_BACKEND_UNREACHABLE', 'gone');
    const probe = new GuardedProbe('odd', { untilReady: async () => Promise.reject(ours) });
    await assert.rejects(probe.untilReady(target, never), (error) => error === ours);
    const reason = new Error('out of patience');
    const patient = new GuardedProbe('odd', { untilReady: async (_, signal) => signal.throwIfAborted() });
    await assert.rejects(patient.untilReady(target, AbortSignal.abort(reason)), (error) => error === reason);
  });

  it('is asked what it allows only where it says so, and is named when that fails', () => {
    const untilReady = async (): Promise<void> => undefined;
    assert.equal(new GuardedProbe('plain', { untilReady }).allow, undefined);
    const asked: unknown[] = [];
    new GuardedProbe('fine', { untilReady, allow: (target) => asked.push(target) }).allow?.(target);
    assert.deepEqual(asked, [target]);
    const broken = new GuardedProbe('odd:7', { untilReady, allow: () => assert.fail('no') });
    const message = 'The readiness probe odd:7 of web failed: no';
    assert.throws(() => broken.allow?.(target), { code: 'JITSU_SUMMON_FAILED', message });
  });
});
