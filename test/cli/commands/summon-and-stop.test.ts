import assert from 'node:assert/strict';
import { JitsuError } from '@jitsud/core';
import { stop } from '#cli/commands/stop.js';
import { summon } from '#cli/commands/summon.js';
import { aUnikernelStatus } from '../../support/a-status-report.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { coreWithControl } from '../../support/fake-control-client.js';

const choice = { control: '/control.sock' };
const unknownUnikernel = new JitsuError('JITSU_UNIKERNEL_UNKNOWN', "No unikernel is called shop. Did you mean 'ship'?");
const unknown = (): Promise<never> => Promise.reject(unknownUnikernel);

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

  it('says of each of a group where it is ready, and of all how long it took', async () => {
    const terminal = capturedTerminal();
    const unikernels = [
      { ...aUnikernelStatus({ name: 'web', addresses: ['192.0.2.1'] }), wasReady: true },
      { ...aUnikernelStatus({ name: 'db', addresses: ['192.0.2.2'] }), wasReady: false },
    ];
    const core = coreWithControl({ summon: unknown, summonGroup: () => Promise.resolve({ unikernels, failures: [] }) });
    assert.equal(await summon({ core, terminal, directory: '/' }, 'shop', choice), 0);
    const [web, db, all, ...rest] = terminal.stdout.split('\n');
    assert.deepEqual([web, db, rest], ['web was ready already, on 192.0.2.1.', 'db is ready on 192.0.2.2.', ['']]);
    assert.match(all ?? '', /^All of the group shop are ready after \d+ ms\.$/);
  });

  it('says which of a group are ready, and fails for the others', async () => {
    const terminal = capturedTerminal();
    const unikernels = [{ ...aUnikernelStatus({ name: 'web', addresses: ['192.0.2.1'] }), wasReady: false }];
    const failures = [{ unikernel: 'db', code: 'JITSU_SUMMON_DIED', message: 'db died.' }];
    const core = coreWithControl({ summon: unknown, summonGroup: () => Promise.resolve({ unikernels, failures }) });
    await assert.rejects(summon({ core, terminal, directory: '/' }, 'shop', choice), {
      message: '1 of 2 in the group shop could not be summoned:\n  - db: db died. (JITSU_SUMMON_DIED)',
    });
    assert.equal(terminal.stdout, 'web is ready on 192.0.2.1.\n');
  });

  it('fails as it does for a unikernel where there is no such group either, or Jitsu knows of none', async () => {
    for (const code of ['JITSU_UNIKERNEL_UNKNOWN', 'JITSU_CONTROL_FAILED'] as const) {
      const summonGroup = (): Promise<never> => Promise.reject(new JitsuError(code, 'There is none.'));
      const core = coreWithControl({ summon: unknown, summonGroup });
      const summoned = summon({ core, terminal: capturedTerminal(), directory: '/' }, 'shop', choice);
      await assert.rejects(summoned, unknownUnikernel);
    }
    const gone = new JitsuError('JITSU_NOT_RUNNING', 'Gone.');
    const core = coreWithControl({ summon: unknown, summonGroup: () => Promise.reject(gone) });
    await assert.rejects(summon({ core, terminal: capturedTerminal(), directory: '/' }, 'shop', choice), gone);
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

  it('says it of each of a group, without those that need it and were stopped with it', async () => {
    const terminal = capturedTerminal();
    const unikernels = [
      aUnikernelStatus({ name: 'web', state: 'off' }),
      aUnikernelStatus({ name: 'db', state: 'off', neededBy: ['web', 'wiki'] }),
    ];
    const core = coreWithControl({ stop: unknown, stopGroup: () => Promise.resolve({ unikernels, failures: [] }) });
    assert.equal(await stop({ core, terminal, directory: '/' }, 'shop', choice), 0);
    const needed = 'wiki needs it, and may still run: what asks for wiki next starts it again.';
    assert.equal(terminal.stdout, `web is off.\ndb is off.\n${needed}\n`);
  });
});
