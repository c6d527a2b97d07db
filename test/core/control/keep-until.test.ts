import assert from 'node:assert/strict';
import { keepUntil } from '#core/control/keep-until.js';

const now = new Date(2026, 6, 22, 12, 0).getTime();

describe('the time of jitsu keep', () => {
  for (const [time, expected] of [
    [{ for: '2h' }, now + 7_200_000],
    [{ for: '0' }, now],
    [{ until: '18:00' }, new Date(2026, 6, 22, 18, 0).getTime()],
    [{ until: '12:00' }, new Date(2026, 6, 23, 12, 0).getTime()],
    [{ until: '2026-07-24 08:30' }, new Date(2026, 6, 24, 8, 30).getTime()],
    [{ until: '2026-07-24T08:30' }, new Date(2026, 6, 24, 8, 30).getTime()],
  ] as const) {
    it(`is right for ${JSON.stringify(time)}`, () => assert.equal(keepUntil(time, now), expected));
  }

  for (const [time, message] of [
    [{ for: 'long' }, /'long' is no duration/],
    [{ for: '-1h' }, /no duration/],
    [{ until: '25:00' }, /'25:00' is no time/],
    [{ until: '6pm' }, /no time/],
    [{ until: '2026-02-30 10:00' }, /no day of the calendar/],
    [{ until: '2026-13-01 10:00' }, /no day of the calendar/],
    [{ until: '2026-07-22 11:59' }, /has passed/],
  ] as const) {
    it(`is refused for ${JSON.stringify(time)}`, () =>
      assert.throws(() => keepUntil(time, now), { code: 'JITSU_CONTROL_FAILED', message }));
  }
});
