import assert from 'node:assert/strict';
import libxl from '#libxl/index.js';
import { contributedBackends } from '../../support/contributed-backends.js';

describe('a connection to libxl', () => {
  it('is as good as root', () => {
    const [backend] = contributedBackends(libxl);
    assert.match(backend?.rootEquivalent?.({}) ?? '', /^libxl is as good as root on this host: /);
  });
});
