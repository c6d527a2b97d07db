import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '#core/config/settings.js';
import { JitsuError } from '#core/errors.js';
import { Instances } from '#core/fleet/instances.js';
import { Contributions } from '#core/plugins/contributions.js';
import { PluginLoader } from '#core/plugins/plugin-loader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { ConfigFolder } from '../../support/config-folder.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { pluginPackageJson } from '../../support/plugin-source.js';

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));

/** A backend that is given two values, and fails with an error of the core that it has imported. */
const PLUGIN = `
  import { CONNECTION_NAME, definePlugin, inject, JitsuError, LOGGER, optionsOf, z } from '@jitsud/core/plugin';
  const connection = z.object({ greeting: z.string() });
  class TwoCores {
    constructor(...given) { Object.assign(globalThis, { givenForTests: { given, JitsuError } }); }
    capabilities = { stopModes: ['destroy'], bootConfigurators: false };
    async connect() { throw new JitsuError('JITSU_BACKEND_DENIED', 'no'); }
  }
  inject(CONNECTION_NAME)(TwoCores, undefined, 0);
  inject(optionsOf(connection))(TwoCores, undefined, 1);
  inject(LOGGER)(TwoCores, undefined, 2);
  export default definePlugin({ name: 'two', apiVersion: '^1.0.0', register(registry) {
    registry.backend({ name: 'two', useClass: TwoCores, description: 'Two', unikernel: z.object({}), connection, stopModes: ['destroy'] });
  } });`;

describe('a plugin that brings its own @jitsud/core', function () {
  this.timeout(20_000);
  let folder: ConfigFolder;

  before(async () => {
    folder = await ConfigFolder.make();
    const modules = folder.join('node_modules');
    const core = join(modules, '@jitsud/core');
    mkdirSync(core, { recursive: true });
    for (const part of ['dist', 'package.json', 'known-plugins.json']) {
      cpSync(join(REPOSITORY, 'core', part), join(core, part), {
        recursive: true,
        filter: (file) => !/\.(map|d\.ts)$/.test(file),
      });
    }
    // What it depends on is found where core's own modules are, else in those of the repository.
    for (const parent of ['core/node_modules', 'node_modules'].map((each) => join(REPOSITORY, each))) {
      for (const name of readdirSync(parent).filter((each) => !each.startsWith('.') && each !== '@jitsud')) {
        if (!existsSync(join(modules, name))) symlinkSync(join(parent, name), join(modules, name));
      }
    }
    await folder.write('node_modules/jitsu-plugin-two/package.json', pluginPackageJson('jitsu-plugin-two'));
    await folder.write('node_modules/jitsu-plugin-two/index.js', PLUGIN);
  });

  after(() => folder.remove());

  it('is given what it asks for, and its errors keep their codes', async () => {
    const contributions = new Contributions();
    await new PluginLoader(contributions, [folder.path]).load('two');
    const contribution = contributions.backends.get('two');
    assert.ok(contribution);
    const [clock, logger] = [new ManualClock(), new MemoryLogger()];
    const settings = { runtimeDirectory: '/run/for-tests', bootConfigurators: [] } as unknown as Settings;
    const options = { greeting: 'hello' };
    const backend = new Instances(settings, clock, logger).backend({ name: 'second', contribution, options });
    const { given, ...of } = (globalThis as unknown as { givenForTests: { given: unknown[]; JitsuError: unknown } })
      .givenForTests;
    assert.notEqual(of.JitsuError, JitsuError, 'there is only one core');
    assert.deepEqual(given.slice(0, 2), ['second', options]);
    const error: unknown = await backend.connect().catch((reason: unknown) => reason);
    assert.ok(error instanceof JitsuError);
    assert.equal(error.code, 'JITSU_BACKEND_DENIED');
  });
});
