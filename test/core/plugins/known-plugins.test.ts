import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from '@jitsud/core/plugin';
import { Contributions } from '#core/plugins/contributions.js';
import { knownPlugins } from '#core/plugins/known-plugins.js';
import { namesIn } from '#core/plugins/plugin-manifest.js';

const { plugins, defaultBackend } = knownPlugins();
const resolve = createRequire(import.meta.url).resolve;

describe('what the package.json of each known plugin says', () => {
  it('names a default backend that one of them has', () => {
    assert.ok(plugins.some(({ manifest }) => manifest.backends?.includes(defaultBackend)));
  });

  for (const { name, manifest, optionKeys } of plugins) {
    const packageName = name.startsWith('@') ? name : `@jitsud/plugin-${name}`;

    it(`is what ${packageName} registers`, async () => {
      const { default: plugin } = (await import(packageName)) as { default: Plugin };
      const all = new Contributions();
      all.register(packageName, (registry) => plugin.register(registry));
      const keys = all.unikernelKeys.flatMap((added) => Object.keys(added.keys.shape));
      for (const [field, registered] of [
        ['backends', all.backends.names()],
        ['readinessProbes', all.readinessProbes.names()],
        ['notifiers', all.notifiers.names()],
        ['resolvers', all.resolvers.names()],
        ['stateStores', all.stateStores.names()],
        ['bootConfigurators', all.bootConfigurators.names()],
        ['unikernelKeys', keys],
      ] as const) {
        assert.deepEqual([...namesIn(manifest, field)].sort(), [...registered].sort(), field);
      }
      const options = all.backends.all().flatMap(({ unikernel }) => Object.keys(unikernel.shape));
      assert.deepEqual(optionKeys ?? [], options);
      for (const flag of Object.values(manifest.startFlags ?? {})) {
        const [group, notifier = '', key = ''] = flag.sets.split('.');
        assert.equal(group, 'notifiers');
        assert.ok(key in (all.notifiers.get(notifier)?.options.shape ?? {}), flag.sets);
      }
    });

    it(`has been gathered from ${packageName} as it is now`, () => {
      const json = JSON.parse(readFileSync(resolve(`${packageName}/package.json`), 'utf8')) as { jitsu: object };
      const { default: _usual, ...said } = json.jitsu as { default?: boolean };
      assert.deepEqual(manifest, said);
    });
  }
});
