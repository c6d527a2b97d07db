import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Contributions } from '#core/plugins/contributions.js';
import { findPlugin } from '#core/plugins/find-plugin.js';
import { installedPlugins } from '#core/plugins/installed-plugins.js';
import { PluginLoader } from '#core/plugins/plugin-loader.js';
import { loadRegistry } from '#core/config/load-registry.js';
import { ConfigFolder } from '../../support/config-folder.js';
import { pluginPackageJson, pluginSource, wasImported } from '../../support/plugin-source.js';
import { settingsContext } from '../../support/settings-context.js';

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));

describe('a plugin', () => {
  let folder: ConfigFolder;

  beforeEach(async () => {
    folder = await ConfigFolder.make();
  });

  afterEach(async () => {
    await folder.remove();
  });

  const install = async (
    name: string,
    fields: Readonly<Record<string, unknown>> = {},
    source = pluginSource('toy'),
  ): Promise<string> => {
    await folder.write(`node_modules/${name}/package.json`, pluginPackageJson(name, fields));
    return folder.write(`node_modules/${name}/index.js`, source);
  };

  const load = async (name: string): Promise<readonly string[]> => {
    const contributions = new Contributions();
    await new PluginLoader(contributions, [folder.path]).load(name);
    return contributions.backends.names();
  };

  it('of a short name is @jitsud/plugin-NAME, else jitsu-plugin-NAME', async () => {
    const second = await install('jitsu-plugin-toy');
    assert.equal((await findPlugin('toy', [folder.path])).entry, second);
    const first = await install('@jitsud/plugin-toy');
    assert.equal((await findPlugin('toy', [folder.path])).entry, first);
  });

  it('may have a byte order mark in its package.json', async () => {
    await install('jitsu-plugin-toy');
    await folder.write('node_modules/jitsu-plugin-toy/package.json', `\uFEFF${pluginPackageJson('jitsu-plugin-toy')}`);
    assert.deepEqual(await load('toy'), ['toy']);
  });

  it('may be named by its package', async () => {
    const scoped = await install('@me/anything');
    const plain = await install('my-jitsu-plugin');
    assert.equal((await findPlugin('@me/anything', [folder.path])).entry, scoped);
    assert.equal((await findPlugin('my-jitsu-plugin', [folder.path])).entry, plain);
  });

  it('is found in a folder above, and in a place further down the list', async () => {
    const entry = await install('jitsu-plugin-toy');
    await folder.write('deep/down/x', '');
    assert.equal((await findPlugin('toy', [folder.join('deep/down')])).entry, entry);
    assert.equal((await findPlugin('toy', ['/nowhere', folder.path])).entry, entry);
  });

  it('of the repository is found through exports that are for import only', async () => {
    const found = await findPlugin('process', [REPOSITORY]);
    assert.equal(found.name, '@jitsud/plugin-process');
    assert.ok(found.entry.endsWith('process/dist/index.js'), found.entry);
  });

  it('may be a file, whose own imports find the core that runs', async () => {
    await folder.write(
      'my-plugin.ts',
      `import { definePlugin } from '@jitsud/core/plugin';
       const schema: object = { safeParse: (data: unknown) => ({ success: true, data }) };
       export default definePlugin({ name: 'mine', apiVersion: '^1.0.0', register(registry) {
         registry.backend({ name: 'mine', useClass: class {}, description: '', unikernel: schema });
       } });`,
    );
    assert.deepEqual(await load('./my-plugin.ts'), ['mine']);
  });

  it('may be the folder of a package', async () => {
    await folder.write('plugins/toy/package.json', pluginPackageJson('toy'));
    await folder.write('plugins/toy/index.js', pluginSource('toy'));
    assert.deepEqual(await load('./plugins/toy'), ['toy']);
  });

  it('is registered once, by whatever names it is asked for', async () => {
    await install('jitsu-plugin-toy');
    const contributions = new Contributions();
    const loader = new PluginLoader(contributions, [folder.path]);
    await Promise.all([loader.load('toy'), loader.load('jitsu-plugin-toy'), loader.load('toy')]);
    assert.deepEqual(contributions.backends.names(), ['toy']);
  });

  it('that is missing is told with every place', async () => {
    await assert.rejects(findPlugin('gone', [folder.path]), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'JITSU_PLUGIN_NOT_FOUND');
      for (const part of ['@jitsud/plugin-gone', 'jitsu-plugin-gone', folder.join('node_modules'), '/node_modules']) {
        assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
      }
      return true;
    });
  });

  it('that is missing is told with what to type, if there is such a package', async () => {
    const messageOf = (name: string): Promise<string> =>
      findPlugin(name, [folder.path]).then(
        () => 'found',
        (error: unknown) => (error as Error).message,
      );
    assert.match(
      await messageOf('libxl'),
      /Install it: npm install @jitsud\/plugin-libxl\. Looked for @jitsud\/plugin-libxl, /,
    );
    assert.match(await messageOf('jitsu-plugin-gone'), /Install it: npm install jitsu-plugin-gone\. Looked for jitsu-/);
    assert.match(await messageOf('gone'), /^The plugin 'gone' is not installed\. Looked for /);
  });

  it('that is missing at its path is told with the folder to look into, once', async () => {
    const message = (name: string, see: string) =>
      `The plugin '${name}' was not found: at ${folder.join(name)} there is nothing. Paths are relative to ${folder.path}${see}.`;
    const gone = (name: string, see: string) =>
      assert.rejects(findPlugin(name, [folder.path]), { code: 'JITSU_PLUGIN_NOT_FOUND', message: message(name, see) });
    await gone('./gone.js', '');
    await gone('./plugins/gone.js', `; see ${folder.join('plugins')}`);
  });

  it('for another API is refused by both versions, before it is imported', async () => {
    await install('jitsu-plugin-toy', { jitsu: { api: '^2.0.0' } });
    await assert.rejects(load('toy'), {
      code: 'JITSU_PLUGIN_INCOMPATIBLE',
      message: /jitsu-plugin-toy.*\^2\.0\.0.*1\.0\.0/,
    });
    assert.equal(wasImported(folder.path), false);
  });

  it('whose definition is for another API than its package.json says is refused', async () => {
    await install('jitsu-plugin-toy', {}, pluginSource('toy', '^3.0.0'));
    await assert.rejects(load('toy'), { code: 'JITSU_PLUGIN_INCOMPATIBLE', message: /\^3\.0\.0/ });
  });

  const flaws: Readonly<
    Record<string, readonly [fields: Readonly<Record<string, unknown>>, source: string, message: RegExp]>
  > = {
    'without the keyword': [{ keywords: ['other'] }, pluginSource('toy'), /keyword "jitsu-plugin"/],
    'without an API range': [{ jitsu: undefined }, pluginSource('toy'), /"api"/],
    'with a range that is none': [{ jitsu: { api: 'new' } }, pluginSource('toy'), /"api"/],
    'without an entry for import': [{ exports: { '.': { require: './x.cjs' } } }, pluginSource('toy'), /"exports"/],
    'without a default export': [{}, 'export const x = 1;', /default export/],
    'with a default export that is something else': [{}, 'export default { name: "x" };', /definePlugin/],
    'that throws when it is imported': [{}, 'throw new Error("boom");', /boom/],
    'that throws when it registers': [
      {},
      'export default { name: "x", apiVersion: "1", register() { throw new Error("boom"); } };',
      /boom/,
    ],
    'that registers asynchronously': [
      {},
      'export default { name: "x", apiVersion: "1", async register(registry) { await 1; registry.backend({}); } };',
      /its register\(\) is asynchronous/,
    ],
  };

  for (const [name, [fields, source, message]] of Object.entries(flaws)) {
    it(`${name} is refused, and the message says so`, async () => {
      await install('jitsu-plugin-toy', fields, source);
      await assert.rejects(load('toy'), { code: 'JITSU_PLUGIN_INVALID', message });
    });
  }

  it('that is installed is listed by its keyword, whatever else is installed', async () => {
    await install('jitsu-plugin-toy');
    await install('@me/anything');
    await install('left-pad', { keywords: [] });
    await folder.write('node_modules/broken/package.json', '{');
    const names = (await installedPlugins([folder.path])).plugins.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => !name.startsWith('@jitsud/')),
      ['@me/anything', 'jitsu-plugin-toy'],
    );
  });

  it('that is broken is listed with the reason, and hinders no other', async () => {
    await install('jitsu-plugin-old', { jitsu: { api: '^0.1.0' } });
    await install('jitsu-plugin-other', {}, pluginSource('other'));
    await install('jitsu-plugin-rival', {}, pluginSource('other'));
    const { plugins, contributions } = await loadRegistry({ directory: folder.path }, settingsContext());
    const listed = new Map(plugins.map((plugin) => [plugin.name, plugin]));
    assert.equal(listed.get('jitsu-plugin-old')?.error?.code, 'JITSU_PLUGIN_INCOMPATIBLE');
    assert.deepEqual(listed.get('jitsu-plugin-other')?.offers, [
      { kind: 'backend', name: 'other', description: 'A backend' },
    ]);
    assert.match(
      listed.get('jitsu-plugin-rival')?.error?.message ?? '',
      /jitsu-plugin-rival and jitsu-plugin-other both register the backend 'other'/,
    );
    assert.ok(contributions.backends.names().includes('other'));
  });
});
