import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { SettingsRequest } from '@jitsud/core';
import { loadSettings } from '#core/config/load-settings.js';
import type { Settings } from '#core/config/settings.js';
import { ConfigFolder } from '../../support/config-folder.js';
import { settingsContext } from '../../support/settings-context.js';

const UNIKERNEL = `{ name: 'a', dns: 'a.test', ip: '::1', backend: 'toy' }`;

describe('a configuration file', () => {
  let folder: ConfigFolder;

  beforeEach(async () => {
    folder = await ConfigFolder.make();
  });

  afterEach(async () => {
    await folder.remove();
  });

  const load = (request: Partial<SettingsRequest> = {}): Promise<Settings> =>
    loadSettings({ directory: folder.path, words: [], flags: {}, ...request }, settingsContext());

  const namesIn = ({ unikernels }: Settings): readonly string[] => unikernels.map(({ name }) => name);

  const forms: Readonly<Record<string, string>> = {
    'jitsu.config.ts': `import { defineConfig, type JitsuConfig } from '@jitsud/core';
      const config: JitsuConfig = { unikernels: [${UNIKERNEL}] };
      export default defineConfig(config);`,
    'jitsu.config.mts': `import { defineConfig } from '@jitsud/core';
      export default defineConfig(async () => ({ unikernels: [await Promise.resolve(${UNIKERNEL})] }));`,
    'jitsu.config.js': `module.exports = { unikernels: [${UNIKERNEL}] };`,
    'jitsu.config.mjs': `import { defineConfig } from '@jitsud/core';
      export default defineConfig(Promise.resolve({ unikernels: [${UNIKERNEL}] }));`,
    'jitsu.config.cjs': `module.exports = () => ({ unikernels: [${UNIKERNEL}] });`,
    'jitsu.config.json': `{ "$schema": "./jitsu.schema.json", "unikernels": [{ "name": "a", "dns": "a.test", "ip": "::1", "backend": "toy" }] }`,
    'jitsu.config.yaml': `unikernels:\n  - { name: a, dns: a.test, ip: '::1', backend: toy }\n`,
    'jitsu.config.yml': `unikernels: [{ name: a, dns: a.test, ip: '::1', backend: toy }]\n`,
    'package.json': `{ "jitsu": { "unikernels": [{ "name": "a", "dns": "a.test", "ip": "::1", "backend": "toy" }] } }`,
  };

  for (const [name, content] of Object.entries(forms)) {
    it(`may be ${name}, in a folder where nothing is installed, and gets no files beside it`, async () => {
      const file = await folder.write(name, content);
      const settings = await load();
      assert.deepEqual(namesIn(settings), ['a']);
      assert.equal(settings.file, file);
      assert.deepEqual(await folder.contents(), [name]);
    });
  }

  for (const [name, content] of Object.entries(forms)) {
    it(`may begin with a byte order mark, as ${name}`, async () => {
      await folder.write(name, `\uFEFF${content}`);
      assert.deepEqual(namesIn(await load()), ['a']);
    });
  }

  const wrong: Readonly<Record<string, readonly [content: string, places: readonly string[]]>> = {
    'jitsu.config.yaml': [
      "dns:\n  prt: 5\nunikernels:\n  - { name: a, dns: a.test, ip: '::1', backend: toy }\n  - name: b\n    dns: b.test\n    backend: toy\n    ip: x\n  - dns: c.test\n    backend: toy\n",
      ['dns.prt (line 2): 5.', "unikernels[1].ip (b, line 8): 'x'.", 'unikernels[2].ip (c.test, line 9): missing.'],
    ],
    'jitsu.config.json': [
      '{\n"unikernels": [\n{ "name": 7, "dns": ["a.test"], "ip": "::1", "backend": "toy" } ] }',
      ['unikernels[0].name (a.test, line 3): 7.'],
    ],
    'package.json': ['{\n"name": "x",\n"jitsu": {\n"dns": { "prt": 5 } } }', ['dns.prt (line 4): 5.']],
    'jitsu.config.mjs': [
      "export default { unikernels: [{ name: 'a', dns: 'a.test', ip: 'x', backend: 'toy' }] };",
      ["unikernels[0].ip (a): 'x'."],
    ],
  };

  for (const [name, [content, places]] of Object.entries(wrong)) {
    it(`says of each mistake in ${name} in which unikernel and line it is, as far as that can be known`, async () => {
      const file = await folder.write(name, content);
      await assert.rejects(load(), ({ message }: Error) => {
        const [head, ...lines] = message.split('\n');
        assert.ok(head?.startsWith(`${file} has `), message);
        assert.deepEqual(
          lines.map((line, index) => line.slice(0, (places[index]?.length ?? 0) + 2)),
          places.map((place) => `  ${place}`),
        );
        return true;
      });
    });
  }

  it('may import its own parts, in TypeScript as well', async () => {
    await folder.write('lib/address.ts', `export const address: string = '192.0.2.9';`);
    await folder.write(
      'jitsu.config.ts',
      `import { address } from './lib/address.js';
       export default { unikernels: [{ dns: 'a.test', ip: address, backend: 'toy' }] };`,
    );
    assert.deepEqual((await load()).unikernels[0]?.addresses, ['192.0.2.9']);
  });

  it('may be JavaScript with export in a folder without a package.json', async () => {
    await folder.write('jitsu.config.js', `export default { unikernels: [${UNIKERNEL}] };`);
    assert.deepEqual(namesIn(await load()), ['a']);
  });

  it('is not looked for above the folder', async () => {
    await folder.write('jitsu.config.json', '{}');
    await folder.write('inner/readme', '');
    await assert.rejects(load({ directory: folder.join('inner') }), { code: 'JITSU_CONFIG_NOT_FOUND' });
  });

  it('may have any name and place where it is named', async () => {
    await folder.write('jitsu.config.json', '{}');
    const file = await folder.write('etc/other.yaml', forms['jitsu.config.yaml'] ?? '');
    const settings = await load({ file: 'etc/other.yaml' });
    assert.deepEqual([settings.file, namesIn(settings)], [file, ['a']]);
  });

  it('is joined by words', async () => {
    await folder.write('jitsu.config.json', forms['jitsu.config.json'] ?? '');
    const words = ['dns=b.test,ip=::1,name=b,backend=toy'];
    assert.deepEqual(namesIn(await load({ words })), ['a', 'b']);
  });

  it('may be missing where there are words', async () => {
    const settings = await load({ words: ['dns=b.test,ip=::1,name=b'], flags: { backend: 'toy' } });
    assert.deepEqual([settings.file, namesIn(settings)], [undefined, ['b']]);
  });

  it('is asked for when there are none', async () => {
    await assert.rejects(load(), { code: 'JITSU_CONFIG_NOT_FOUND', message: /jitsu\.config\.ts.*--config.*dns=/s });
  });

  it('is missed by its name', async () => {
    const missing = folder.join('missing.yaml');
    await assert.rejects(load({ file: missing, words: ['dns=a.test,ip=::1,backend=toy'] }), {
      code: 'JITSU_CONFIG_NOT_FOUND',
      message: `There is no configuration file ${missing}.`,
    });
  });

  it('is not the package.json of a plugin, where the key says which Jitsu it fits', async () => {
    await folder.write('package.json', '{ "jitsu": { "api": "^1.0.0" } }');
    await assert.rejects(load(), { code: 'JITSU_CONFIG_NOT_FOUND' });
  });

  it('that is empty is told so', async () => {
    await folder.write('jitsu.config.yaml', '');
    await assert.rejects(load({ file: 'jitsu.config.yaml' }), { code: 'JITSU_CONFIG_INVALID', message: /empty/ });
  });

  const broken: Readonly<Record<string, readonly [content: string, line: number]>> = {
    'throws.ts': [`const x: number = 1;\n\nthrow new Error('boom');`, 3],
    'throws.mjs': [`\nthrow new Error('boom');`, 2],
    'function.ts': [`export default () => {\n  throw new Error('boom');\n};`, 2],
    'syntax.ts': [`export default {\n  unikernels: [,\n  }\n};`, 3],
    'syntax.mjs': [`export default {\n  unikernels: ]\n};`, 2],
    'syntax.yaml': [`unikernels:\n  - a: [`, 3],
  };

  for (const [name, [content, line]] of Object.entries(broken)) {
    it(`that is broken names file and line: ${name}`, async () => {
      const file = await folder.write(name, content);
      await assert.rejects(load({ file }), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'JITSU_CONFIG_UNREADABLE');
        assert.ok(error.message.includes(file), error.message);
        assert.match(error.message, new RegExp(`[:(]${String(line)}[:)]`), error.message);
        return true;
      });
    });
  }

  it('that is broken JSON shows the place, once', async () => {
    const file = await folder.write('jitsu.config.json', '{\n  "backend": "toy",\n  "dns": { "port": 5, }\n}\n');
    await assert.rejects(load(), ({ message }: Error) => {
      assert.equal(message.split(file).length, 2, message);
      // Later Nodes tell the line in words.
      assert.equal(message.match(/^> 3 \||\(line 3 column 23\)/gm)?.length, 1, message);
      return true;
    });
  });

  it('that is broken JSON names the file', async () => {
    const file = await folder.write('jitsu.config.json', '{ "dns": ');
    await assert.rejects(load(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'JITSU_CONFIG_UNREADABLE');
      assert.ok(error.message.includes(file), error.message);
      return true;
    });
  });

  it('that exports nothing is told what to export', async () => {
    const file = await folder.write('jitsu.config.ts', 'export const x = 1;');
    await assert.rejects(load(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'JITSU_CONFIG_UNREADABLE');
      assert.ok(error.message.includes(file) && error.message.includes('export default'), error.message);
      return true;
    });
  });

  const levels = Array.from({ length: 12 }, (_, level) => level + 1);
  const bombs: Readonly<Record<string, readonly [content: string, reason: RegExp]>> = {
    'aliases.yaml': [
      `a0: &a0 [${'x,'.repeat(9)}]\n${levels.map((n) => `a${n}: &a${n} [${`*a${n - 1},`.repeat(9)}]\n`).join('')}unikernels: *a12\ndns: { bind: *a12 }\n`,
      /aliases.*multiply/,
    ],
    'keys.yaml': [
      `names: &names [${'a.test,'.repeat(3_000)}]\nunikernels:\n${'  - { dns: *names }\n'.repeat(3_000)}`,
      /aliases.*multiply/,
    ],
    'merges.yaml': [
      `base: &base {${Array.from({ length: 30_000 }, (_, n) => `k${n}: 1`).join()}}\nunikernels:\n${'  - {<<: *base}\n'.repeat(30_000)}`,
      /merges.*multiply/,
    ],
    'itself.yaml': ['dns: &dns\n  bind: *dns\n', /nested too deeply, or holds itself/],
    'without-ending': [`dns: ${'['.repeat(100_000)}${']'.repeat(100_000)}`, /nested too deeply/],
    'deep.yaml': [`unikernels: ${'['.repeat(200_000)}${']'.repeat(200_000)}`, /nested too deeply/],
    'block.yaml': [`unikernels:\n  ${'- '.repeat(100_000)}x`, /nested too deeply/],
    'source.ts': [
      `export default { dns: ${'['.repeat(100_000)}${']'.repeat(100_000)} };`,
      /nested too deeply|call stack/,
    ],
  };

  for (const [name, [content, reason]] of Object.entries(bombs)) {
    it(`that holds more than it can is refused at once: ${name}`, async function () {
      this.timeout(20_000);
      const file = await folder.write(name, content);
      await assert.rejects(load({ file }), { code: 'JITSU_CONFIG_UNREADABLE', message: reason });
    });
  }

  const nested: Readonly<Record<string, string>> = {
    'deep.json': `{ "dns": { "bind": ${'['.repeat(200_000)}${']'.repeat(200_000)} } }`,
    'deep.mjs': `let bind = []; for (let n = 0; n < 1_000_000; n++) bind = [bind]; export default { dns: { bind } };`,
    'deep.ts': `let bind: unknown = []; for (let n = 0; n < 1_000_000; n++) bind = [bind]; export default { dns: { bind } };`,
  };

  for (const [name, content] of Object.entries(nested)) {
    it(`that is nested without end has a problem like any other: ${name}`, async () => {
      const file = await folder.write(name, content);
      await assert.rejects(load({ file }), { code: 'JITSU_CONFIG_INVALID', message: /dns\.bind.*: \[{79}…/ });
    });
  }

  it('may use aliases and merges as people do', async () => {
    const unikernels = Array.from({ length: 2_000 }, (_, n) => `  - { <<: *all, dns: u${n}.test, name: u${n} }\n`);
    await folder.write(
      'jitsu.config.yaml',
      `all: &all { ip: '::1', backend: toy }\nunikernels:\n${unikernels.join('')}`,
    );
    await assert.rejects(load(), { code: 'JITSU_CONFIG_INVALID', message: /has a problem:\n {2}all \(line 1\): / });
    await folder.write(
      'jitsu.config.yaml',
      `unikernels:\n  - &all { ip: '::1', backend: toy, dns: a.test, name: a }\n${unikernels.join('')}`,
    );
    assert.equal((await load()).unikernels.length, 2_001);
  });

  it('is found without running a configuration of the search itself', async () => {
    await folder.write('.config/config.js', 'globalThis.searchWasConfigured = true; module.exports = {};');
    await folder.write('jitsu.config.json', forms['jitsu.config.json'] ?? '');
    const cwd = Reflect.get(process, 'cwd') as () => string;
    process.cwd = () => folder.path;
    try {
      assert.deepEqual(namesIn(await load()), ['a']);
    } finally {
      process.cwd = cwd;
    }
    assert.ok(!('searchWasConfigured' in globalThis));
  });

  it('is no pipe, unless one is named', async () => {
    execFileSync('mkfifo', [folder.join('jitsu.config.ts')]);
    await folder.write('jitsu.config.json', forms['jitsu.config.json'] ?? '');
    assert.deepEqual(namesIn(await load()), ['a']);
  });

  it('of an unknown kind is told which kinds there are', async () => {
    const file = await folder.write('jitsu.toml', '[dns]');
    await assert.rejects(load({ file }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'JITSU_CONFIG_UNREADABLE');
      assert.ok(error.message.includes(`${file}: the ending`) && error.message.includes('.yaml'), error.message);
      return true;
    });
  });

  it('that is a folder is told so', async () => {
    await folder.write('etc/x', '');
    await assert.rejects(load({ file: 'etc' }), { code: 'JITSU_CONFIG_UNREADABLE', message: /EISDIR|directory/ });
  });

  it('finds plugins from its own folder first, wherever Jitsu was called', async () => {
    const file = await folder.write('etc/jitsu.config.json', '{ "plugins": ["./gone.js"] }');
    await assert.rejects(load({ file }), (error: Error) => {
      assert.ok(error.message.includes(join(folder.path, 'etc', 'gone.js')), error.message);
      return true;
    });
  });
});
