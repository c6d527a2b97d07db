import assert from 'node:assert/strict';
import { plugins } from '#cli/commands/plugins.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { fakeCore } from '../../support/fake-core.js';

const plugin = { version: '1.2.3', folder: '/modules/x', entry: '/modules/x/index.js', api: '^1.0.0' };
const offer = {
  kind: 'backend',
  name: 'fine',
  description: 'Drives fine machines, of which there are more than one could ever want',
};

describe('jitsu plugins', () => {
  const core = fakeCore({
    loadRegistry: () =>
      Promise.resolve({
        builtIns: [{ kind: 'readiness probe', name: 'tcp', description: 'A port' }],
        plugins: [
          { ...plugin, name: 'jitsu-plugin-fine', offers: [offer] },
          {
            ...plugin,
            name: 'jitsu-plugin-old',
            api: '^0.1.0',
            offers: [],
            error: { code: 'JITSU_PLUGIN_INCOMPATIBLE', message: 'It is written for another Jitsu.' },
          },
        ],
      }),
  });

  it('says what each offers, or why it cannot be used', async () => {
    const terminal = capturedTerminal(60);
    assert.equal(await plugins({ core, terminal, directory: '/' }, {}), 0);
    assert.equal(
      terminal.stdout,
      [
        'Jitsu itself',
        '  readiness probe  tcp  A port',
        '',
        'jitsu-plugin-fine 1.2.3 (plugin API ^1.0.0): can be used',
        '  backend  fine  Drives fine machines, of which there are',
        '                 more than one could ever want',
        '  in /modules/x',
        '',
        'jitsu-plugin-old 1.2.3 (plugin API ^0.1.0): CANNOT BE USED',
        '  JITSU_PLUGIN_INCOMPATIBLE It is written for another Jitsu.',
        '  in /modules/x',
        '',
      ].join('\n'),
    );
  });

  it('prints JSON', async () => {
    const terminal = capturedTerminal();
    await plugins({ core, terminal, directory: '/' }, { json: true });
    const { plugins: shown } = JSON.parse(terminal.stdout) as { plugins: { name: string }[] };
    assert.deepEqual(
      shown.map(({ name }) => name),
      ['jitsu-plugin-fine', 'jitsu-plugin-old'],
    );
  });
});
