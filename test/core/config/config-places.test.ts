import assert from 'node:assert/strict';
import { preferredConfig } from '#core/config/config-places.js';

describe('the configuration of a folder', () => {
  it('is, of those that Jitsus run with, the one that a start there prefers', () => {
    const running = ['/d/package.json', '/d/jitsu.config.yaml', '/other/jitsu.config.ts', '/d/inner/jitsu.config.ts'];
    assert.equal(preferredConfig('/d', running), '/d/jitsu.config.yaml');
    assert.equal(preferredConfig('/d/', running.slice(0, 1)), '/d/package.json');
    assert.equal(preferredConfig('/d', [...running, '/d/jitsu.config.ts']), '/d/jitsu.config.ts');
  });

  it('is none with another name, or of another folder', () => {
    assert.equal(preferredConfig('/d', ['/d/other.yaml', '/jitsu.config.ts', '/d/inner/jitsu.config.ts']), undefined);
    assert.equal(preferredConfig('/d', []), undefined);
  });
});
