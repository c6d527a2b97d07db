import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { JitsuError, type Settings } from '@jitsud/core';
import type { RuntimeRecord } from '@jitsud/core/control';
import { locateControl } from '#cli/control-location.js';
import { aStatusReport } from '../support/a-status-report.js';
import { coreWithControl } from '../support/fake-control-client.js';
import { fakeCore } from '../support/fake-core.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const broken = new JitsuError('JITSU_CONFIG_INVALID', 'It is being edited.');

const runningWith = (configFile?: string, pid = 7): RuntimeRecord => ({
  pid,
  socket: `/run/${pid}.sock`,
  listening: [],
  ...(configFile !== undefined && { configFile }),
});

/** A core for a folder with `/d/jitsu.config.ts`, beside which these run. */
const coreWith = (...running: readonly RuntimeRecord[]) =>
  fakeCore({
    runningJitsus: () => running,
    preferredConfig: () => '/d/jitsu.config.ts',
    defaultControlSocket: () => '/usual.sock',
  });

describe('the control socket that a command uses', () => {
  it('is the one named, and nothing is looked at', async () => {
    assert.deepEqual(await locateControl(fakeCore({}), '/d', { control: '/named.sock' }), { socket: '/named.sock' });
  });

  it('is that of the Jitsu that runs with the configuration of this folder', async () => {
    const [other, own] = [runningWith('/other/jitsu.config.ts'), runningWith('/d/jitsu.config.ts', 8)];
    const found = await locateControl(coreWith(other, own), '/d', {});
    assert.deepEqual(found, { socket: '/run/8.sock', running: own });
  });

  it('is that of the only Jitsu that runs, whatever its configuration', async () => {
    for (const alone of [runningWith('/other/jitsu.config.ts'), runningWith()]) {
      assert.deepEqual(await locateControl(coreWith(alone), '/d', {}), { socket: '/run/7.sock', running: alone });
    }
  });

  it('is not guessed among several that run', async () => {
    const core = coreWith(runningWith('/other/jitsu.config.ts'), runningWith(undefined, 8));
    await assert.rejects(locateControl(core, '/d', {}), {
      name: 'UsageError',
      message:
        '2 Jitsus run. Say which one is meant:\n' +
        '  process 7, with /other/jitsu.config.ts: --control /run/7.sock\n' +
        '  process 8, from the command line: --control /run/8.sock',
    });
  });

  it('is not guessed among several that run with one configuration', async () => {
    const file = '/d/jitsu.config.ts';
    await assert.rejects(locateControl(coreWith(runningWith(file), runningWith(file, 8)), '/d', {}), {
      name: 'UsageError',
    });
  });

  it('is the usual one where none has recorded that it runs', async () => {
    assert.deepEqual(await locateControl(coreWith(), '/d', {}), { socket: '/usual.sock' });
  });

  it('is that of the Jitsu that runs with the configuration named, which is not read', async () => {
    const own = runningWith('/d/other.yaml');
    const core = coreWith(own, runningWith('/d/jitsu.config.ts', 8));
    assert.deepEqual(await locateControl(core, '/d', { config: 'other.yaml' }), {
      socket: '/run/7.sock',
      running: own,
    });
  });

  it('is what the configuration named says where no Jitsu runs with it', async () => {
    const asked: unknown[] = [];
    const core = fakeCore({
      runningJitsus: () => [runningWith('/d/jitsu.config.ts')],
      loadSettings: (request) => {
        asked.push(request);
        return Promise.resolve({ controlSocket: '/configured.sock' } as Settings);
      },
    });
    assert.deepEqual(await locateControl(core, '/d', { config: 'other.yaml' }), { socket: '/configured.sock' });
    assert.deepEqual(asked, [{ directory: '/d', file: 'other.yaml', words: [], flags: {} }]);
  });

  describe('with a configuration that no recorded Jitsu has', () => {
    const coreAnsweredBy = (parts: { pid: number; configFile?: string }) => {
      const client = coreWithControl({ status: () => Promise.resolve({ ...aStatusReport([]), ...parts }) });
      return fakeCore({
        runningJitsus: () => [],
        loadSettings: () => Promise.resolve({ controlSocket: '/control.sock' } as Settings),
        controlClient: (socket) => client.controlClient(socket),
      });
    };

    for (const [parts, origin] of [
      [{ pid: 9, configFile: '/d/jitsu.config.ts' }, 'with /d/jitsu.config.ts'],
      [{ pid: 9 }, 'from the command line'],
    ] as const) {
      it(`is not that of a Jitsu that runs ${origin}`, async () => {
        await assert.rejects(locateControl(coreAnsweredBy(parts), '/d', { config: 'other.yaml' }), {
          name: 'CommandFailure',
          code: 'JITSU_NOT_RUNNING',
          message:
            'No Jitsu runs with other.yaml. Its control socket /control.sock belongs to process 9, ' +
            `which runs ${origin}: that one is meant by --control /control.sock.`,
        });
      });
    }

    it('is that of the Jitsu that says itself that it runs with it, by whatever path', async () => {
      using folder = new TemporaryFolder();
      writeFileSync(folder.in('other.yaml'), '');
      symlinkSync(folder.in('other.yaml'), folder.in('link.yaml'));
      for (const configFile of ['other.yaml', 'link.yaml'].map((name) => folder.in(name))) {
        const located = locateControl(coreAnsweredBy({ pid: 9, configFile }), folder.path, { config: 'other.yaml' });
        assert.deepEqual(await located, { socket: '/control.sock' });
      }
    });
  });

  it('is not guessed when a configuration that was named is broken', async () => {
    const core = fakeCore({ loadSettings: () => Promise.reject(broken) });
    await assert.rejects(locateControl(core, '/d', { config: 'other.yaml' }), broken);
  });
});
