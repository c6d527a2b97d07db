import assert from 'node:assert/strict';
import { flush } from '#cli/commands/flush.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { coreWithControl } from '../../support/fake-control-client.js';

const choice = { control: '/control.sock' };

describe('jitsu flush', () => {
  it('says how many answers are forgotten, of a name or of all', async () => {
    const asked: unknown[] = [];
    const core = coreWithControl({
      flush: (name) => {
        asked.push(name);
        return Promise.resolve({ flushed: name === undefined ? 12 : 1 });
      },
    });
    const terminal = capturedTerminal();
    assert.equal(await flush({ core, terminal, directory: '/' }, 'example.org', choice), 0);
    assert.equal(await flush({ core, terminal, directory: '/' }, undefined, choice), 0);
    assert.deepEqual(asked, ['example.org', undefined]);
    assert.equal(terminal.stdout, '1 answer forgotten.\n12 answers forgotten.\n');
  });
});
