import assert from 'node:assert/strict';
import { usualModeOf } from '#core/lifecycle/fastest-mode.js';
import { ReadyTimes } from '#core/lifecycle/ready-times.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { HandProbe, Life } from '../../support/life.js';

describe('the stop mode `fastest`', () => {
  const fastest = { stopMode: 'fastest', endingMode: 'shutdown', canSuspend: true } as const;

  for (const [start, resume, mode, why] of [
    [[], [], 'shutdown', 'nobody knows how slow it boots'],
    [[900], [], 'shutdown', 'it boots fast'],
    [[3_000], [], 'suspend', 'it boots slowly'],
    [[3_000], [20], 'suspend', 'its resume is faster'],
    [[3_000], [4_000], 'shutdown', 'its resume is no faster'],
    [[900, 900, 60_000], [], 'shutdown', 'one odd boot says nothing'],
  ] as const) {
    it(`is ${mode} where ${why}`, () => {
      const times = new ReadyTimes();
      const web = aUnikernel(fastest);
      for (const time of start) times.add(web, 'start', time);
      for (const time of resume) times.add(web, 'resume', time);
      assert.equal(usualModeOf(web, times), mode);
    });
  }

  it('never suspends where the backend cannot, what is outdated, and what has another mode', () => {
    const times = new ReadyTimes();
    const modeOf = (plan: object, outdated?: string): string => {
      const web = Object.assign(aUnikernel(plan), { outdated });
      times.add(web, 'start', 30_000);
      return usualModeOf(web, times);
    };
    assert.equal(modeOf({ ...fastest, canSuspend: false }), 'shutdown');
    assert.equal(modeOf(fastest, 'command'), 'shutdown');
    assert.equal(modeOf({ ...fastest, stopMode: 'destroy' }), 'destroy');
    assert.equal(modeOf({ ...fastest, stopMode: 'suspend' }, 'command'), 'shutdown');
  });

  it('has what booted slowly suspended, and resumed by the next query', async () => {
    using life = new Life();
    life.backend.latency.start = 3_000;
    const [web] = await life.with({ name: 'web', ...fastest });
    const booted = life.summon(web!);
    await life.clock.advance(3_000);
    await booted;
    await life.clock.advance(20_000);
    assert.equal(web!.state, 'suspended');
    await life.summon(web!);
    assert.deepEqual(life.lifecycle.status(web!).readyTimes, { start: [3_000], resume: [0] });
  });

  it('turns off what has stopped answering: it would come back as it was', async () => {
    using life = new Life();
    life.backend.latency.start = 3_000;
    const probe = new HandProbe();
    probe.answer();
    const [web] = await life.with({ name: 'web', ...fastest, probes: [probe], watch: 1_000, deadline: 5_000 });
    const booted = life.summon(web!);
    await life.clock.advance(3_000);
    await booted;
    probe.fallSilent();
    life.ask(web!);
    await life.clock.advance(2_000);
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_SUMMON_DEADLINE');
    await life.clock.advance(5_000);
    await failed;
    assert.deepEqual([web!.state, life.calls('stop')], ['off', ['stop web shutdown']]);
  });
});
