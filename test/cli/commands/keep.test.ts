import assert from 'node:assert/strict';
import { keep } from '#cli/commands/keep.js';
import { UsageError } from '#cli/usage-error.js';
import { aUnikernelStatus } from '../../support/a-status-report.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { coreWithControl } from '../../support/fake-control-client.js';

const choice = { control: '/control.sock' };
const tonight = new Date();
tonight.setHours(23, 59, 0, 0);

async function said(more: object, time: object = { for: '2h' }): Promise<{ text: string; asked: unknown }> {
  let asked: unknown;
  const core = coreWithControl({
    keep: (...given) => {
      asked = given;
      const status = aUnikernelStatus({ name: 'web', state: 'running' });
      return Promise.resolve({ ...status, keptUntil: tonight.getTime(), isStored: true, ...more });
    },
  });
  const terminal = capturedTerminal();
  assert.equal(await keep({ core, terminal, directory: '/' }, 'web', { ...choice, ...time }), 0);
  return { text: terminal.stdout, asked };
}

describe('jitsu keep', () => {
  it('says until when the unikernel is kept', async () => {
    const { text, asked } = await said({});
    assert.equal(text, 'web is kept until 23:59:00.\n');
    assert.deepEqual(asked, ['web', { for: '2h' }]);
    assert.deepEqual((await said({}, { until: '23:59' })).asked, ['web', { until: '23:59' }]);
  });

  it('says what does not survive a restart, and that one that is down is not started', async () => {
    assert.equal(
      (await said({ isStored: false, state: 'off' })).text,
      'web is kept until 23:59:00, or until Jitsu ends, which keeps no state on the disk.\nIt is off now: a query or "jitsu summon" starts it.\n',
    );
  });

  it('says that it is kept no more', async () => {
    assert.equal(
      (await said({ keptUntil: undefined }, { for: '0' })).text,
      'web is not kept by this command any more.\n',
    );
  });

  it('wants to know how long', async () => {
    const core = coreWithControl({});
    await assert.rejects(keep({ core, terminal: capturedTerminal(), directory: '/' }, 'web', choice), UsageError);
  });
});
