import assert from 'node:assert/strict';
import { JitsuError, type Settings } from '@jitsud/core';
import { locateControl } from '#cli/control-location.js';
import { fakeCore } from '../support/fake-core.js';

const settings = { controlSocket: '/configured.sock' } as Settings;
const broken = new JitsuError('JITSU_CONFIG_INVALID', 'It is being edited.');

describe('the control socket that a command uses', () => {
  it('is the one named, and no configuration is looked at', async () => {
    assert.deepEqual(await locateControl(fakeCore({}), '/d', { control: '/named.sock' }), { socket: '/named.sock' });
  });

  it('is that of the configuration in this folder', async () => {
    const core = fakeCore({ loadSettings: () => Promise.resolve(settings) });
    assert.deepEqual(await locateControl(core, '/d', {}), { socket: '/configured.sock', settings });
  });

  it('is that of the configuration named', async () => {
    const asked: unknown[] = [];
    const core = fakeCore({
      loadSettings: (request) => {
        asked.push(request);
        return Promise.resolve(settings);
      },
    });
    await locateControl(core, '/d', { config: 'other.yaml' });
    assert.deepEqual(asked, [{ directory: '/d', file: 'other.yaml', words: [], flags: {} }]);
  });

  it('is the usual one while the configuration is broken', async () => {
    const core = fakeCore({ loadSettings: () => Promise.reject(broken), defaultControlSocket: () => '/usual.sock' });
    assert.deepEqual(await locateControl(core, '/d', {}), { socket: '/usual.sock' });
  });

  it('is not guessed when a configuration that was named is broken', async () => {
    const core = fakeCore({ loadSettings: () => Promise.reject(broken) });
    await assert.rejects(locateControl(core, '/d', { config: 'other.yaml' }), broken);
  });
});
