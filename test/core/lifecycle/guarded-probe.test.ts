import assert from 'node:assert/strict';
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
