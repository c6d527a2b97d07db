import assert from 'node:assert/strict';
import { ReadyTimes } from '#core/lifecycle/ready-times.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { HandProbe, Life } from '../../support/life.js';

describe('the times until a unikernel is ready', () => {
  it('are the last five of each kind, of which the middle one is the usual', () => {
    const times = new ReadyTimes();
    const web = aUnikernel();
    assert.deepEqual([times.usual(web, 'start'), times.next(web), times.of(web)], [undefined, undefined, undefined]);
    for (const time of [9, 9, 9, 5_000, 3, 1, 2]) times.add(web, 'start', time);
    times.add(web, 'resume', 7);
    assert.deepEqual(times.of(web), { start: [9, 5_000, 3, 1, 2], resume: [7] });
    assert.deepEqual([times.usual(web, 'start'), times.usual(web, 'resume')], [3, 7]);
  });

  it('are told for what comes next: a start from off, or the resume of what was kept', () => {
    const times = new ReadyTimes();
    const web = aUnikernel();
    times.add(web, 'start', 3_000);
    const next = (state: 'off' | 'suspended' | 'paused' | 'running'): number | undefined =>
      times.next(Object.assign(web, { state }));
    assert.deepEqual([next('off'), next('suspended')], [3_000, 3_000], 'as long as nothing better is known');
    times.add(web, 'resume', 20);
    assert.deepEqual([next('off'), next('running'), next('suspended'), next('paused')], [3_000, 3_000, 20, 20]);
  });

  it('count from the order to the backend, without the wait for a turn and for what it needs', async () => {
    using life = new Life({ limit: 1 });
    const probe = new HandProbe();
    life.backend.latency.start = 1_000;
    const [web, db] = await life.with({ name: 'web', needs: ['db'], probes: [probe] }, { name: 'db' });
    const summon = life.summon(web!);
    await life.clock.advance(4_000);
    probe.answer();
    await summon;
    const [ofWeb, ofDb] = [life.lifecycle.status(web!), life.lifecycle.status(db!)];
    assert.deepEqual([ofWeb.usuallyReadyIn, ofDb.usuallyReadyIn], [3_000, 1_000]);
    assert.deepEqual(ofWeb.readyTimes, { start: [3_000] });
  });

  it('are kept for the next run of Jitsu, and told where a deadline passes', async () => {
    using before = new Life();
    before.backend.latency.start = 3_200;
    const [web] = await before.with({ name: 'web' });
    const summon = before.summon(web!);
    await before.clock.advance(3_200);
    await summon;
    const remembered = before.lifecycle.remembered(web!);
    assert.deepEqual(remembered, { readyTimes: { start: [3_200] } });

    using after = new Life();
    after.backend.latency.start = 40_000;
    const [again] = await after.with({ name: 'web' });
    assert.equal(after.lifecycle.status(again!).usuallyReadyIn, undefined);
    after.lifecycle.recall(again!, { unikernel: 'web', totalStarts: 1, names: [], ...remembered });
    const failed = rejectsWithCode(after.summon(again!), 'JITSU_SUMMON_DEADLINE');
    await after.clock.advance(30_000);
    assert.match((await failed).message, /^web was not ready within 30 s \(usually 3\.2 s\)\. Its backend has not/);
  });

  it('are told of what is needed, where the deadline of what needs it passes', async () => {
    using life = new Life();
    life.backend.latency.start = 8_000;
    const [web, db] = await life.with({ name: 'web', needs: ['db'], deadline: 5_000 }, { name: 'db' });
    life.lifecycle.recall(db!, { unikernel: 'db', totalStarts: 1, names: [], readyTimes: { start: [7_900] } });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_NEED_FAILED');
    await life.clock.advance(5_000);
    assert.match((await failed).message, /it needs db \(usually ready after 7\.9 s\), which is not ready yet/);
  });
});
