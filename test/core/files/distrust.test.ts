import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { loadRegistry } from '#core/config/load-registry.js';
import { loadSettings } from '#core/config/load-settings.js';
import { Contributions } from '#core/plugins/contributions.js';
import { distrustModule } from '#core/plugins/distrust-module.js';
import { PluginLoader } from '#core/plugins/plugin-loader.js';
import { distrust } from '#core/files/distrust.js';
import { pluginPackageJson, pluginSource, wasImported } from '../../support/plugin-source.js';
import { requireRoot } from '../../support/require-tool.js';
import { settingsContext } from '../../support/settings-context.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** Have no names on any machine. */
const STRANGER = 4_000_001;
const OTHERS = 4_000_002;

describe('what root takes no code and no commands from', () => {
  let folder: TemporaryFolder;
  let settings: string;

  before(function () {
    requireRoot(this);
  });

  beforeEach(() => {
    folder = new TemporaryFolder();
    chmodSync(folder.path, 0o755);
    settings = folder.in('settings.json');
    mkdirSync(folder.in('theirs', 'inner'), { recursive: true, mode: 0o755 });
    writeFileSync(folder.in('theirs', 'inner', 'file'), '', { mode: 0o644 });
  });

  afterEach(() => folder?.[Symbol.dispose]());

  const file = () => folder.in('theirs', 'inner', 'file');
  const give = (uid: number, ...places: readonly string[]) => {
    for (const place of places) chownSync(place, uid, uid);
  };
  const reason = (trusted?: ReadonlySet<number>) => distrust(file(), settings, trusted) ?? '';

  it('is what belongs to a stranger, or lies in a folder of his', () => {
    assert.equal(reason(), '');
    for (const place of [file(), folder.in('theirs', 'inner'), folder.in('theirs')]) {
      give(STRANGER, place);
      assert.ok(reason().startsWith(`${place} belongs to the user with the number ${STRANGER}`), reason());
      assert.equal(reason(new Set([0, STRANGER])), '', 'he may be the owner of the installed Jitsu, or behind sudo');
      give(0, place);
    }
  });

  it('is what others may write, or a group that is not the owner’s own, whoever it belongs to', () => {
    for (const place of [file(), folder.in('theirs')]) {
      chmodSync(place, 0o777);
      assert.match(reason(), /may be written by others/);
      chmodSync(place, 0o775);
      assert.equal(reason(), '');
      chownSync(place, 0, OTHERS);
      assert.match(reason(), new RegExp(`may be written by the group with the number ${OTHERS}`));
      chownSync(place, 0, 0);
      chmodSync(place, 0o755);
    }
  });

  it('says what helps', () => {
    give(STRANGER, file());
    assert.match(
      reason(),
      /Call Jitsu as the user who owns it, give it to root \(chown\), or list its folder in .*settings\.json: \{ "safeFolders": \["\/folder"\] \}$/,
    );
  });

  it('is not what lies below a safe folder, by its real path', () => {
    give(STRANGER, folder.in('theirs'), folder.in('theirs', 'inner'), file());
    writeFileSync(settings, `\uFEFF${JSON.stringify({ safeFolders: ['/nowhere', folder.in('theirs')] })}`);
    assert.equal(reason(), '');
    writeFileSync(settings, JSON.stringify({ safeFolders: [folder.in('theirs', 'inn')] }));
    assert.match(reason(), /belongs to the user/);
    mkdirSync(folder.in('safe'));
    symlinkSync(file(), folder.in('safe', 'link'));
    writeFileSync(settings, JSON.stringify({ safeFolders: [folder.in('safe')] }));
    assert.match(distrust(folder.in('safe', 'link'), settings) ?? '', /belongs to the user/);
  });

  it('believes in safe folders only in a file of root’s own', () => {
    give(STRANGER, file());
    writeFileSync(settings, JSON.stringify({ safeFolders: [folder.in('theirs')] }));
    chmodSync(settings, 0o666);
    assert.match(reason(), /that file is not taken: .*settings\.json may be written by others/);
    chmodSync(settings, 0o644);
    give(STRANGER, settings);
    assert.match(reason(new Set([0])), /that file is not taken: .*settings\.json belongs to the user/);
    give(0, settings);
    for (const text of ['{', '{ "safeFolders": "/" }', '{ "safeFolders": ["theirs"] }', '[]', 'null']) {
      writeFileSync(settings, text);
      assert.match(reason(), /that file is not taken: /, text);
    }
  });

  describe('as a configuration', () => {
    const mark = () => (globalThis as { ranForTests?: readonly string[] }).ranForTests ?? [];
    const forms: Readonly<Record<string, string>> = {
      'jitsu.config.ts': 'globalThis.ranForTests = [import.meta.url]; export default {};',
      'jitsu.config.mjs': 'globalThis.ranForTests = [import.meta.url]; export default {};',
      'jitsu.config.cjs': 'globalThis.ranForTests = [__filename]; module.exports = {};',
      'jitsu.config.json': '{}',
      'jitsu.config.yaml': 'dns: { port: 0 }',
      'package.json': '{ "jitsu": { "dns": { "port": 0 } } }',
    };

    for (const [name, content] of Object.entries(forms)) {
      it(`is refused before it is run: ${name}`, async () => {
        writeFileSync(folder.in('theirs', name), content);
        give(STRANGER, folder.in('theirs', name));
        for (const named of [{}, { file: name }]) {
          const request = { directory: folder.in('theirs'), words: [], flags: {}, ...named };
          await assert.rejects(loadSettings(request, settingsContext()), {
            code: 'JITSU_CONFIG_UNSAFE',
            message: new RegExp(`^Root does not take the configuration .*${name}: .*${name} belongs to the user`),
          });
        }
        assert.deepEqual(mark(), []);
      });
    }

    describe('is refused for what it imports, before it is run:', () => {
      const imports: Readonly<Record<string, readonly [text: string, file: string]>> = {
        'a file beside it': ["import './other.js';", 'other.js'],
        'the source of such a file': ["import './other.js';", 'other.ts'],
        'a file without its ending': ["import other from './other';", 'other.ts'],
        'a folder': ["import './lib';", 'lib/index.js'],
        'a file in a folder above': ["export * from '../other.mjs';", '../other.mjs'],
        'what that imports': ["import './a.js';", 'b.cjs'],
        'a file by a URL': ["import './other.js?x=1';", 'other.js'],
        'a file that is required': ["require('./other.cjs');", 'other.cjs'],
        'a file that is imported later': ["const later = () => import('./other.mjs');", 'other.mjs'],
        'any file of a package': ["import 'dep';", 'node_modules/dep/lib/inner.js'],
        'a package of a package': ["import '@me/top/part';", 'node_modules/dep/index.js'],
        'a package that is a file': ["require('dep.js');", 'node_modules/dep.js'],
      };
      for (const [what, [text, file]] of Object.entries(imports)) {
        it(what, async () => {
          const home = folder.in('theirs', 'inner');
          const put = (name: string, content: string) => {
            mkdirSync(dirname(join(home, name)), { recursive: true });
            writeFileSync(join(home, name), content);
          };
          put('jitsu.config.ts', `globalThis.ranForTests = [import.meta.url]; ${text} export default {};`);
          put('a.js', "import './b.cjs';\nimport './a.js';");
          put(
            'node_modules/@me/top/package.json',
            '{ "name": "@me/top", "dependencies": { "dep": "1", "none": "1" } }',
          );
          put('node_modules/dep/package.json', '{ "name": "dep", "peerDependencies": { "@me/top": "1" } }');
          put(file, '');
          assert.equal(distrustModule(join(home, 'jitsu.config.ts')), undefined);
          give(STRANGER, join(home, file));
          const request = { directory: home, words: [], flags: {} };
          await assert.rejects(loadSettings(request, settingsContext()), {
            code: 'JITSU_CONFIG_UNSAFE',
            message: new RegExp(`${basename(file)} belongs to the user with the number ${STRANGER}`),
          });
          assert.deepEqual(mark(), []);
        });
      }

      it('a file that a stranger could put there yet', async () => {
        mkdirSync(folder.in('theirs', 'lib'));
        writeFileSync(folder.in('theirs', 'jitsu.config.mjs'), "import './lib/none.js'; export default {};");
        give(STRANGER, folder.in('theirs', 'lib'));
        const request = { directory: folder.in('theirs'), words: [], flags: {} };
        await assert.rejects(loadSettings(request, settingsContext()), { code: 'JITSU_CONFIG_UNSAFE' });
      });
    });

    it('is no matter where a package.json has none', async () => {
      writeFileSync(folder.in('theirs', 'package.json'), '{ "name": "theirs" }');
      give(STRANGER, folder.in('theirs'), folder.in('theirs', 'package.json'));
      const words = ['dns=b.test,ip=::1,name=b,backend=toy'];
      const request = { directory: folder.in('theirs'), words, flags: {} };
      assert.equal((await loadSettings(request, settingsContext())).unikernels.length, 1);
    });
  });

  describe('as a plugin', () => {
    const install = (owner: number) => {
      const home = folder.in('theirs', 'node_modules', 'jitsu-plugin-toy');
      mkdirSync(home, { recursive: true });
      writeFileSync(
        `${home}/package.json`,
        pluginPackageJson('jitsu-plugin-toy', { jitsu: { api: '^1.0.0', backends: ['toys'] } }),
      );
      writeFileSync(`${home}/index.js`, pluginSource('toys'));
      give(owner, `${home}/index.js`);
    };
    const loader = () => new PluginLoader(new Contributions(), [folder.in('theirs')]);
    const refused = {
      code: 'JITSU_PLUGIN_UNSAFE',
      message: /^Root does not take the plugin .*: .* belongs to the user with the number/,
    };

    it('is refused before it is imported, by whatever it was found', async () => {
      install(STRANGER);
      await assert.rejects(loader().load('toy'), refused);
      await assert.rejects(loader().load('./node_modules/jitsu-plugin-toy/index.js'), refused);
      await assert.rejects(loader().loadProviderOf('backends', 'toys'), refused);
      await assert.rejects(loader().providerOf('backends', 'toys'), refused);
      const { plugins } = await loadRegistry({ directory: folder.in('theirs') }, settingsContext());
      const found = plugins.find(({ name }) => name === 'jitsu-plugin-toy');
      assert.equal(found?.error?.code, 'JITSU_PLUGIN_UNSAFE');
      assert.ok(!wasImported(folder.path));
    });

    it('is refused for any of its files, and for what it depends on', async () => {
      install(0);
      const modules = folder.in('theirs', 'node_modules');
      const home = `${modules}/jitsu-plugin-toy`;
      const json = JSON.parse(readFileSync(`${home}/package.json`, 'utf8')) as object;
      writeFileSync(`${home}/package.json`, JSON.stringify({ ...json, dependencies: { dep: '1' } }));
      mkdirSync(`${home}/lib/deep`, { recursive: true });
      mkdirSync(`${modules}/dep`);
      mkdirSync(folder.in('elsewhere'));
      symlinkSync(folder.in('elsewhere'), `${home}/lib/link`);
      const places = [`${home}/lib/deep/other.js`, `${modules}/dep/index.js`, folder.in('elsewhere', 'file.js')];
      for (const place of places) writeFileSync(place, '');
      for (const place of [...places, `${home}/package.json`, `${home}/lib/deep`, folder.in('elsewhere')]) {
        give(STRANGER, place);
        await assert.rejects(loader().load('toy'), refused, place);
        await assert.rejects(loader().loadProviderOf('backends', 'toys'), refused, place);
        give(0, place);
      }
      lchownSync(`${home}/lib/link`, STRANGER, STRANGER);
      await assert.rejects(loader().load('toy'), refused);
      assert.ok(!wasImported(folder.path));
    });

    it('is refused where its entry lies elsewhere', async () => {
      install(0);
      const home = folder.in('theirs', 'node_modules', 'jitsu-plugin-toy');
      writeFileSync(`${home}/package.json`, pluginPackageJson('jitsu-plugin-toy', { exports: '../../inner/entry.js' }));
      writeFileSync(folder.in('theirs', 'inner', 'entry.js'), pluginSource('toys'));
      give(STRANGER, folder.in('theirs', 'inner', 'entry.js'));
      await assert.rejects(loader().load('toy'), refused);
      assert.ok(!wasImported(folder.path));
    });

    it('is passed over for one that root takes, further away', async () => {
      install(STRANGER);
      give(STRANGER, folder.in('theirs', 'node_modules', 'jitsu-plugin-toy', 'package.json'));
      const [near, far] = [folder.in('theirs', 'node_modules'), folder.in('far', 'node_modules', 'jitsu-plugin-toy')];
      mkdirSync(far, { recursive: true });
      writeFileSync(
        `${far}/package.json`,
        pluginPackageJson('jitsu-plugin-toy', { jitsu: { api: '^1.0.0', backends: ['toys'] } }),
      );
      writeFileSync(`${far}/index.js`, pluginSource('toys'));
      for (const find of [
        (both: PluginLoader) => both.load('toy'),
        (both: PluginLoader) => both.loadProviderOf('backends', 'toys'),
      ]) {
        const both = new PluginLoader(new Contributions(), [folder.in('theirs'), folder.in('far')]);
        await find(both);
        assert.equal(both.contributions.backends.ownerOf('toys'), 'jitsu-plugin-toy');
        assert.equal(both.passedOver.length, 1);
        assert.match(
          both.passedOver[0] ?? '',
          new RegExp(
            `^The plugin in ${near}/jitsu-plugin-toy is passed over for that in ${far}: .* belongs to the user`,
          ),
        );
      }
      assert.ok(!wasImported(near));
      const { plugins, startFlags } = await loadRegistry(
        { directory: folder.in('theirs') },
        { ...settingsContext(), pluginPlaces: [folder.in('far')] },
      );
      const toys = plugins.filter(({ name }) => name === 'jitsu-plugin-toy');
      assert.deepEqual(
        toys.map(({ folder: place, error }) => [place, error?.code]),
        [
          [far, undefined],
          [`${near}/jitsu-plugin-toy`, 'JITSU_PLUGIN_UNSAFE'],
        ],
      );
      assert.deepEqual(
        startFlags.filter(({ name }) => name.includes('toy')),
        [],
      );
    });

    it('is taken from root', async () => {
      install(0);
      const taking = loader();
      await taking.load('toy');
      assert.deepEqual(taking.passedOver, []);
      assert.ok(wasImported(folder.path));
    });
  });
});
