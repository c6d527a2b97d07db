import assert from 'node:assert/strict';
import { stableUuid } from '#core/plugin-kit/stable-uuid.js';

describe('the uuid of a name', () => {
  it('is the same each time, in the form of a uuid of version 5', () => {
    assert.match(stableUuid('a', 'www'), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(stableUuid('a', 'www'), stableUuid('a', 'www'));
    // Registrations that are stored must be found again by every later version.
    assert.equal(stableUuid('jitsu process', 'process', 'web'), '1b2fa29b-1f9c-5509-a337-b3c1a8b1873f');
  });

  it('differs with each of the names, and with where one ends', () => {
    assert.notEqual(stableUuid('a', 'www'), stableUuid('a', 'wiki'));
    assert.notEqual(stableUuid('a', 'www'), stableUuid('b', 'www'));
    assert.notEqual(stableUuid('a', 'bc'), stableUuid('ab', 'c'));
  });
});
