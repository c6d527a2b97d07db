import assert from 'node:assert/strict';
import { awakeHours, parseAwakeSpan } from '#core/config/awake-hours.js';

const days = (text: string): string => {
  const span = parseAwakeSpan(text);
  return (span?.days ?? []).map((is, day) => (is ? String(day) : '')).join('');
};
const times = (text: string): readonly (number | undefined)[] => {
  const span = parseAwakeSpan(text);
  return [span?.from, span?.to];
};

describe('the hours awake', () => {
  for (const [text, expected] of [
    ['Mon-Fri 08:00-18:00', '12345'],
    ['Sat,Sun', '06'],
    ['fri-MON', '0156'],
    ['Mon,Wed-Thu 10:00-11:00', '134'],
    ['08:00-18:00', '0123456'],
    ['Tue', '2'],
  ] as const) {
    it(`of ${text} are on the days ${expected}, counted from Sunday`, () => assert.equal(days(text), expected));
  }

  it('are whole days without times, and pass midnight where they end before they begin', () => {
    assert.deepEqual(times('Mon'), [0, 1_440]);
    assert.deepEqual(times('08:00-18:30'), [480, 1_110]);
    assert.deepEqual(times('08:00-24:00'), [480, 1_440]);
    assert.deepEqual(times('22:00-06:00'), [1_320, 1_800]);
    assert.deepEqual(times('06:00-06:00'), [360, 1_800]);
    assert.deepEqual(times('Fri 00:00-00:00'), [0, 1_440]);
  });

  for (const text of ['', ' ', 'Mon-', 'Mo-Fr 8-18', 'Mon 8:00-18:00', '08:00', '24:00-01:00', 'Mon08:00-18:00', 'x']) {
    it(`are not '${text}'`, () => assert.equal(parseAwakeSpan(text), undefined));
  }

  it('are one span or a list, and each one that is wrong is told', () => {
    const schema = awakeHours('When');
    assert.deepEqual(
      schema.parse(['Mon 08:00-18:00', 'Sat']).map(({ text }) => text),
      ['Mon 08:00-18:00', 'Sat'],
    );
    const { error } = schema.safeParse(['Mon', 'Foo', 'Bar']);
    assert.equal(error?.issues.length, 2);
    assert.equal(schema.safeParse([]).success, false);
  });
});
