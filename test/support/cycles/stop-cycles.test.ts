import assert from 'node:assert/strict';
import { beyondBoot } from './stop-cycles.js';

describe('the time of a connection beyond the boot', () => {
  const absences = [
    { from: 100, until: 200 },
    { from: 260, until: 400 },
  ];

  it('leaves out each absence, also of a connection that spans two', () => {
    assert.equal(beyondBoot({ at: 150, took: 60 }, absences), 10);
    assert.equal(beyondBoot({ at: 150, took: 260 }, absences), 70);
    assert.equal(beyondBoot({ at: 90, took: 50 }, absences), 10);
    assert.equal(beyondBoot({ at: 210, took: 40 }, absences), 40);
    assert.equal(beyondBoot({ at: 150, took: 50 }, absences), 0);
  });
});
