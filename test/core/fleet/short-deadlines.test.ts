import assert from 'node:assert/strict';
import { shortDeadlines } from '#core/fleet/short-deadlines.js';

describe('the deadlines that are too short', () => {
  const unikernels = [
    { name: 'web', needs: ['db', 'cache'], deadline: 10_000 },
    { name: 'db', needs: ['disk'], deadline: 10_000 },
    { name: 'cache', deadline: 10_000 },
    { name: 'disk', deadline: 10_000 },
  ];
  const told = (usual: Readonly<Record<string, number>>): unknown => shortDeadlines(unikernels, (name) => usual[name]);

  it('are none where nothing is known, and those that a usual boot exceeds', () => {
    assert.deepEqual(told({}), []);
    assert.deepEqual(told({ web: 3_000, db: 3_000, disk: 4_000, cache: 9_000 }), [
      { unikernel: 'web', deadline: 10_000, usual: 12_000, chain: ['cache', 'web'] },
    ]);
  });

  it('cover what is needed: the longest way counts, since the others boot side by side', () => {
    assert.deepEqual(told({ web: 1_000, db: 5_000, disk: 4_500, cache: 8_000 }), [
      { unikernel: 'web', deadline: 10_000, usual: 10_500, chain: ['disk', 'db', 'web'] },
    ]);
    assert.deepEqual(told({ disk: 11_000 }), [
      { unikernel: 'web', deadline: 10_000, usual: 11_000, chain: ['disk', 'db', 'web'] },
      { unikernel: 'db', deadline: 10_000, usual: 11_000, chain: ['disk', 'db'] },
      { unikernel: 'disk', deadline: 10_000, usual: 11_000, chain: ['disk'] },
    ]);
  });
});
