import assert from 'node:assert/strict';
import { JitsuError } from '@jitsud/core';
import { stop } from '#cli/commands/stop.js';
import { summon } from '#cli/commands/summon.js';
import { aUnikernelStatus } from '../../support/a-status-report.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { coreWithControl } from '../../support/fake-control-client.js';

const choice = { control: '/control.sock' };

describe('jitsu summon', () => {
  it('says where the unikernel is ready, and after how long', async () => {
    const terminal = capturedTerminal();
    const core = coreWithControl({
      summon: (name) =>
        Promise.resolve({ ...aUnikernelStatus({ name, addresses: ['192.0.2.1', '::1'] }), wasReady: false }),
    });
    assert.equal(await summon({ core, terminal, directory: '/' }, 'web', choice), 0);
    assert.match(terminal.stdout, /^web is ready on 192\.0\.2\.1, ::1 after \d+ ms\.\n$/);
  });

  it('says that the unikernel was ready already', async () => {
    const terminal = capturedTerminal();
    const summoned = { ...aUnikernelStatus({ name: 'web', addresses: ['192.0.2.1'] }), wasReady: true };
    const core = coreWithControl({ summon: () => Promise.resolve(summoned) });
    assert.equal(await summon({ core, terminal, directory: '/' }, 'web', choice), 0);
    assert.equal(terminal.stdout, 'web was ready already, on 192.0.2.1.\n');
  });

  it('fails as the summon does', async () => {
    const failure = new JitsuError('JITSU_SUMMON_DIED', 'web died.');
    const core = coreWithControl({ summon: () => Promise.reject(failure) });
    await assert.rejects(summon({ core, terminal: capturedTerminal(), directory: '/' }, 'web', choice), failure);
  });
});

describe('jitsu stop', () => {
  it('says in what state the unikernel is then, and stops it in the mode that was asked for', async () => {
    const asked: unknown[] = [];
    const core = coreWithControl({
      stop: (...given) => {
        asked.push(given);
        return Promise.resolve(aUnikernelStatus({ name: 'web', state: 'suspended', phase: 'down' }));
      },
    });
    const terminal = capturedTerminal();
    await stop({ core, terminal, directory: '/' }, 'web', { ...choice, mode: 'suspend' });
    await stop({ core, terminal, directory: '/' }, 'web', choice);
    assert.deepEqual(asked, [
      ['web', 'suspend'],
      ['web', undefined],
    ]);
    assert.equal(terminal.stdout, 'web is suspended.\n'.repeat(2));
  });

  it('says who needs it still', async () => {
    for (const [neededBy, expected] of [
      [['web'], 'web needs it, and may still run: what asks for web next starts it again.'],
      [['web', 'api'], 'web, api need it, and may still run: what asks for web, api next starts it again.'],
    ] as const) {
      const status = aUnikernelStatus({ name: 'db', state: 'off', neededBy });
      const terminal = capturedTerminal();
      await stop(
        { core: coreWithControl({ stop: () => Promise.resolve(status) }), terminal, directory: '/' },
        'db',
        choice,
      );
      assert.equal(terminal.stdout, `db is off.\n${expected}\n`);
    }
  });
});
