import assert from 'node:assert/strict';
import { parseAwakeSpan, type AwakeSpan } from '#core/config/awake-hours.js';
import { awakeUntil, Keeps } from '#core/lifecycle/keeps.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { aUnikernel } from '../../support/dns-unikernel.js';
import { Life } from '../../support/life.js';

const spans = (...texts: string[]): readonly AwakeSpan[] => texts.map((text) => parseAwakeSpan(text) as AwakeSpan);
/** A local time; 2026-07-20 is a Monday. */
const at = (day: number, time: string): number => {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return new Date(2026, 6, day, hour, minute).getTime();
};
const HOUR = 3_600_000;

/** A clock whose wall clock shows this time. */
function clockAt(moment: number): ManualClock {
  const clock = new ManualClock();
  clock.stepWallTime(moment - clock.wallTime());
  return clock;
}

describe('the hours in which a unikernel is kept', () => {
  for (const [texts, moment, end] of [
    [['Mon-Fri 08:00-18:00'], at(20, '08:00'), at(20, '18:00')],
    [['Mon-Fri 08:00-18:00'], at(20, '07:59'), undefined],
    [['Mon-Fri 08:00-18:00'], at(20, '18:00'), undefined],
    [['Mon-Fri 08:00-18:00'], at(25, '12:00'), undefined],
    [['Sat,Sun'], at(25, '12:00'), at(26, '00:00')],
    [['Fri 22:00-06:00'], at(25, '05:59'), at(25, '06:00')],
    [['Fri 22:00-06:00'], at(24, '05:59'), undefined],
    [['08:00-12:00', '11:00-13:00'], at(20, '11:30'), at(20, '13:00')],
    [['08:00-12:00', '11:00-13:00'], at(20, '10:30'), at(20, '12:00')],
  ] as const) {
    it(`of ${texts.join(' and ')} end, from ${new Date(moment).toString().slice(0, 21)} on, ${end === undefined ? 'not' : new Date(end).toString().slice(0, 21)}`, () =>
      assert.equal(awakeUntil(spans(...texts), moment)?.until, end));
  }
});

describe('what people want kept', () => {
  it('is kept until the time of the command, or the end of its hours, whichever is later', () => {
    const clock = clockAt(at(20, '12:00'));
    const keeps = new Keeps(clock);
    const web = aUnikernel({ awake: spans('08:00-18:00') });
    assert.deepEqual(keeps.of(web), { until: at(20, '18:00'), why: 'its hours awake, 08:00-18:00' });
    keeps.keep(web, at(20, '13:00'));
    assert.equal(keeps.of(web)?.until, at(20, '18:00'));
    keeps.keep(web, at(20, '19:00'));
    assert.deepEqual(keeps.of(web), { until: at(20, '19:00'), why: 'jitsu keep' });
    keeps.keep(web, 0);
    assert.equal(keeps.byCommand(web), undefined);
  });

  it('outlives every policy, is stopped when it ends, and is told in history and status', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const until = life.clock.wallTime() + 2 * HOUR;
    life.lifecycle.keep(web!, until);
    const { keptBy, keptUntil, stopAt } = life.lifecycle.status(web!);
    assert.deepEqual([keptBy, keptUntil, stopAt], ['jitsu keep', until, until]);
    await life.clock.advance(2 * HOUR - 1);
    assert.equal(web!.ready, true);
    await life.clock.advance(1);
    assert.equal(web!.state, 'off');
    assert.deepEqual(life.story().slice(-3), ['kept', 'stopping', 'stopped']);
    assert.match(life.events.at(-3)?.reason ?? '', /^by jitsu keep, until \d{4}-\d\d-\d\d \d\d:\d\d$/);
  });

  it('is kept for as long as its queries keep it, where that is longer', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const { stopAt: byQueries } = life.lifecycle.status(web!);
    life.lifecycle.keep(web!, life.clock.wallTime() + 1_000);
    assert.equal(life.lifecycle.status(web!).stopAt, byQueries);
    await life.clock.advance(1_001);
    assert.equal(web!.ready, true);
  });

  it('is left to its policies at once when the command is taken back', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.lifecycle.keep(web!, life.clock.wallTime() + 2 * HOUR);
    await life.clock.advance(HOUR);
    life.lifecycle.keep(web!, life.clock.wallTime());
    await life.clock.advance(0);
    assert.equal(web!.state, 'off');
    assert.ok(life.events.some(({ kind, reason }) => kind === 'kept' && reason === 'by jitsu keep no more'));
  });

  it('is neither started by the command nor by its hours, and kept once it runs', async () => {
    using life = new Life();
    life.clock.stepWallTime(at(20, '12:00') - life.clock.wallTime());
    const [web, cron] = await life.with({ name: 'web' }, { name: 'cron', awake: spans('08:00-18:00') });
    life.lifecycle.keep(web!, life.clock.wallTime() + HOUR);
    await life.clock.advance(1_000);
    assert.deepEqual([web!.state, cron!.state], ['off', 'off']);
    assert.equal(life.lifecycle.status(web!).keptUntil, at(20, '13:00'));
    await Promise.all([life.summon(web!), life.summon(cron!)]);
    await life.clock.advance(HOUR / 2);
    assert.deepEqual([web!.ready, cron!.ready], [true, true]);
    await life.clock.advance(HOUR / 2);
    assert.deepEqual([web!.state, cron!.ready], ['off', true]);
    assert.equal(life.lifecycle.status(cron!).keptBy, 'its hours awake, 08:00-18:00');
    await life.clock.advance(5 * HOUR);
    assert.equal(cron!.state, 'off');
  });

  it('notices within an hour that the wall clock was set beyond the end', async () => {
    using life = new Life();
    life.clock.stepWallTime(at(20, '08:00') - life.clock.wallTime());
    const [web] = await life.with({ name: 'web', awake: spans('08:00-18:00') });
    await life.summon(web!);
    life.clock.stepWallTime(12 * HOUR);
    await life.clock.advance(HOUR);
    assert.equal(web!.state, 'off');
  });

  it('is stopped all the same by a command, and replaced at once where its definition says so', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.lifecycle.keep(web!, life.clock.wallTime() + HOUR);
    await life.stop(web!);
    assert.equal(web!.state, 'off');
  });

  it('is what a store remembers, unless that time has passed', async () => {
    using life = new Life();
    const [web, old] = await life.with({ name: 'web' }, { name: 'old' });
    const counters = { totalStarts: 1, names: [] };
    const now = life.clock.wallTime();
    life.lifecycle.recall(web!, { ...counters, unikernel: 'web', keptUntil: now + HOUR });
    life.lifecycle.recall(old!, { ...counters, unikernel: 'old', keptUntil: now });
    const kept = (unikernel: Unikernel): number | undefined => life.lifecycle.keptUntil(unikernel);
    assert.deepEqual([kept(web!), kept(old!)], [now + HOUR, undefined]);
    await Promise.all([life.summon(web!), life.summon(old!)]);
    await life.clock.advance(60_000);
    assert.deepEqual([web!.ready, old!.state], [true, 'off']);
  });
});
