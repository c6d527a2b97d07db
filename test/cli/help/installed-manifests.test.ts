import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedManifests } from '#cli/help/installed-manifests.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const key = (word: string) => ({ word, key: word, type: 'text', required: false, description: `The ${word}` });

describe('the manifests of installed packages', () => {
  const folder = new TemporaryFolder();
  const project = folder.in('project');
  after(() => folder[Symbol.dispose]());

  const install = (place: string, name: string, manifest: unknown): void => {
    const dist = join(place, 'node_modules', name, 'dist');
    mkdirSync(dist, { recursive: true });
    if (manifest !== undefined) writeFileSync(join(dist, 'manifest.json'), manifest as string);
    writeFileSync(join(dist, 'index.js'), "throw new Error('It was imported.');");
  };
  const backend = (name: string, word: string): string =>
    JSON.stringify({
      backends: [{ name, description: name, options: [key(word)] }],
      commands: [{ name: `${name}-command`, description: word }],
    });

  it('are none where core has none, as in a checkout', () => {
    mkdirSync(project);
    assert.equal(installedManifests(project), undefined);
  });

  it('are those of core and of what is named as a plugin, the nearest of each, by name', () => {
    install(project, '@jitsud/core', JSON.stringify({ common: [key('dns')] }));
    install(project, 'jitsu-plugin-b', backend('b', 'near'));
    install(folder.path, 'jitsu-plugin-b', backend('b', 'far'));
    install(folder.path, '@jitsud/plugin-a', backend('a', 'above'));
    install(project, 'jitsu-plugin-none', undefined);
    install(project, 'jitsu-plugin-damaged', '{');
    install(project, 'something-else', backend('c', 'else'));
    const found = installedManifests(project);
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
});
