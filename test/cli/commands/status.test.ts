import assert from 'node:assert/strict';
import { JitsuError, type HistoryQuery } from '@jitsud/core/plugin';
import { status } from '#cli/commands/status.js';
import { aStatusReport, aUnikernelStatus } from '../../support/a-status-report.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { coreWithControl } from '../../support/fake-control-client.js';

const report = aStatusReport([aUnikernelStatus()]);
const choice = { control: '/control.sock', limit: 50 };
const directory = '/';

describe('jitsu status', () => {
  it('shows the table', async () => {
    const terminal = capturedTerminal();
    const core = coreWithControl({ status: () => Promise.resolve(report) });
    assert.equal(await status({ core, terminal, directory }, undefined, choice), 0);
    assert.match(terminal.stdout, /^Jitsu 0\.1\.0 .*\n\nUNIKERNEL .*\nhello .*\n$/);
  });

  it('prints the whole report as JSON', async () => {
    const terminal = capturedTerminal();
    const core = coreWithControl({ status: () => Promise.resolve(report) });
    await status({ core, terminal, directory }, undefined, { ...choice, json: true });
    assert.deepEqual(JSON.parse(terminal.stdout), report);
  });

  it('shows what has happened, to all or to one', async () => {
    const asked: HistoryQuery[] = [];
    const core = coreWithControl({
      history: (query) => {
        asked.push(query);
        return Promise.resolve([]);
      },
    });
    const terminal = capturedTerminal();
    await status({ core, terminal, directory }, undefined, { ...choice, history: true });
    await status({ core, terminal, directory }, undefined, { ...choice, history: 'hello', limit: 7 });
    assert.deepEqual(asked, [{ limit: 50 }, { unikernel: 'hello', limit: 7 }]);
    assert.equal(terminal.stdout, 'Nothing has happened yet.\n'.repeat(2));
  });

  it('shows one with what it wrote last, and what has happened to it', async () => {
    const asked: unknown[] = [];
    const core = coreWithControl({
      statusOf: (name) => {
        asked.push(name);
        return Promise.resolve(aStatusReport([aUnikernelStatus({ output: ['one', '\u001b[2Jtwo'] })]));
      },
      history: (query) => {
        asked.push(query);
        return Promise.resolve([]);
      },
    });
    const terminal = capturedTerminal();
    await status({ core, terminal, directory }, 'hello', choice);
    assert.match(terminal.stdout, /\nhello .*\n\nhello wrote last:\n {2}one\n {2}\\x1b\[2Jtwo\n$/);
    await status({ core, terminal, directory }, 'hello', { ...choice, history: true });
    assert.deepEqual(asked, ['hello', { unikernel: 'hello', limit: 50 }]);
  });

  it('watches until it is told to end, a line of JSON a time, also while no Jitsu runs', async () => {
    const terminal = capturedTerminal();
    const enough = new AbortController();
    let asked = 0;
    const core = coreWithControl({
      status: () => {
        asked += 1;
        if (asked === 3) enough.abort();
        return asked === 2 ? Promise.reject(new JitsuError('JITSU_NOT_RUNNING', 'Gone.')) : Promise.resolve(report);
      },
    });
    await status({ core, terminal, directory }, undefined, { ...choice, json: true, watch: 0.001 }, enough.signal);
    assert.deepEqual(
      terminal.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [report, report],
    );
    assert.equal(terminal.stderr, 'jitsu: JITSU_NOT_RUNNING  Gone.\n');
  });

  it('draws over what a person has already seen', async () => {
    const terminal = capturedTerminal(80);
    const enough = new AbortController();
    const core = coreWithControl({
      status: () => {
        enough.abort();
        return Promise.resolve(report);
      },
    });
    await status({ core, terminal, directory }, undefined, { ...choice, watch: 1 }, enough.signal);
    assert.ok(terminal.stdout.startsWith('\x1b[H\x1b[2J'));
  });
});
