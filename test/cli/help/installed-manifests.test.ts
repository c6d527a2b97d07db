import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedManifests } from '#cli/help/installed-manifests.js';
import { manual } from '#cli/help/manual.js';
import { plainManual } from '#cli/help/plain-manual.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const key = (word: string) => ({ word, key: word, type: 'text', required: false, description: `The ${word}` });

const pluginPackage = { keywords: ['jitsu-plugin'], jitsu: { api: '^1.0.0' } };

describe('the manifests of installed packages', () => {
  const folder = new TemporaryFolder();
  const project = folder.in('project');
  after(() => folder[Symbol.dispose]());

  const install = (place: string, name: string, manifest: unknown, more: object = pluginPackage): void => {
    const dist = join(place, 'node_modules', name, 'dist');
    mkdirSync(dist, { recursive: true });
    const json = { name, main: 'dist/index.js', ...more };
    writeFileSync(join(place, 'node_modules', name, 'package.json'), JSON.stringify(json));
    if (manifest !== undefined) writeFileSync(join(dist, 'manifest.json'), manifest as string);
    writeFileSync(join(dist, 'index.js'), "throw new Error('It was imported.');");
  };
  const backend = (name: string, word: string): string =>
    JSON.stringify({
      backends: [{ name, description: name, options: [key(word)] }],
      commands: [{ name: `${name}-command`, description: word }],
    });

  it('are none where core has none, as in a checkout', async () => {
    mkdirSync(project);
    assert.equal(await installedManifests([project]), undefined);
  });

  it('are those of core and of what says that it is a plugin, the nearest of each, by name', async () => {
    install(project, '@jitsud/core', JSON.stringify({ common: [key('dns')] }), {});
    install(project, 'jitsu-plugin-b', backend('b', 'near'));
    install(folder.path, 'jitsu-plugin-b', backend('b', 'far'));
    install(folder.path, '@jitsud/plugin-a', backend('a', 'above'));
    install(project, 'jitsu-plugin-none', undefined);
    install(project, 'jitsu-plugin-damaged', '{');
    install(project, 'something-else', backend('c', 'else'), {});
    const found = await installedManifests([project]);
    assert.deepEqual(found?.common, [key('dns')]);
    assert.deepEqual(
      found.backends.map(({ name, options }) => [name, options.map(({ word }) => word)]),
      [
        ['a', ['above']],
        ['b', ['near']],
      ],
    );
    assert.deepEqual(
      found.commands.map(({ name }) => name),
      ['a-command', 'b-command'],
    );
  });

  it('are made of package.json where a plugin brings none, whatever the name of the plugin', async () => {
    const flag = { value: 'URL', sets: 'notifiers.acme.url', description: 'Tell it.' };
    install(project, '@acme/jitsu-plugin-x', undefined, {
      keywords: ['jitsu-plugin'],
      jitsu: {
        api: '^1.0.0',
        backends: ['acme', 'other'],
        unikernelKeys: ['acmeSize'],
        startFlags: { acme: flag },
      },
    });
    install(project, 'broken', undefined, { keywords: ['jitsu-plugin'] });
    const found = await installedManifests([project]);
    assert.ok(found);
    const nothing = 'It lists nothing that it brings.';
    assert.deepEqual(found.further, [
      { name: '@acme/jitsu-plugin-x', brings: 'Backends: acme, other. Keys of unikernels: acmeSize.' },
      { name: 'jitsu-plugin-damaged', brings: nothing },
      { name: 'jitsu-plugin-none', brings: nothing },
    ]);
    assert.deepEqual(found.startFlags, [{ ...flag, name: 'acme' }]);
    const text = plainManual(manual('1.2.3', found), 80);
    assert.match(text, /\nFURTHER PLUGINS\n/);
    assert.match(text, /\n {7}@acme\/jitsu-plugin-x\n {11}Backends: acme, other\. Keys of unikernels: acmeSize\.\n/);
    assert.match(text, /\n {7}--acme <URL>\n {11}Tell it\.\n/);
  });
});
