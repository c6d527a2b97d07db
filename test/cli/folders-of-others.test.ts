import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { runJitsu } from '../support/jitsu-command.js';
import { pluginPackageJson } from '../support/plugin-source.js';
import { requireRoot } from '../support/require-tool.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

/** Has no name on any machine. */
const STRANGER = 4_000_001;

describe('as root in a folder of somebody else, jitsu', () => {
  const folder = new TemporaryFolder();
  const mark = folder.in('ran');
  const trap = `require('node:fs').appendFileSync(${JSON.stringify(mark)}, __filename + '\\n'); module.exports = {};`;
  const env = { RUNTIME_DIRECTORY: folder.in('run') };

  before(function () {
    requireRoot(this);
    chmodSync(folder.path, 0o755);
    const write = (name: string, text: string) => {
      const file = folder.in('theirs', name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    };
    write('jitsu.config.cjs', trap);
    write('.config/config.js', trap);
    write('.config/config.cjs', trap);
    for (const place of ['', 'inner/']) {
      write(
        `${place}node_modules/jitsu-plugin-trap/package.json`,
        pluginPackageJson('jitsu-plugin-trap', { type: 'commonjs', exports: './index.cjs' }),
      );
      write(`${place}node_modules/jitsu-plugin-trap/index.cjs`, trap);
    }
    // Would never be read to its end.
    mkdirSync(folder.in('theirs', 'inner'), { recursive: true });
    execFileSync('mkfifo', [folder.in('theirs', 'inner', 'jitsu.config.ts')]);
    execFileSync('chown', ['-R', `${STRANGER}:${STRANGER}`, folder.in('theirs')]);
  });

  after(() => folder[Symbol.dispose]());

  const commands: Readonly<Record<string, readonly [status: number, words: RegExp]>> = {
    '--help=plain': [0, /COMMANDS/],
    status: [1, /JITSU_NOT_RUNNING/],
    'summon a': [1, /JITSU_NOT_RUNNING/],
    'stop a': [1, /JITSU_NOT_RUNNING/],
    flush: [1, /JITSU_NOT_RUNNING/],
    check: [2, /JITSU_CONFIG_UNSAFE .*jitsu\.config\.cjs: .*belongs to the user with the number 4000001.*safeFolders/],
    start: [2, /JITSU_CONFIG_UNSAFE/],
    plugins: [0, /jitsu-plugin-trap[^]*JITSU_PLUGIN_UNSAFE|Root does not take the plugin/],
    trap: [2, /There is no command 'trap'/],
  };

  for (const [line, [status, words]] of Object.entries(commands)) {
    it(`${line} runs nothing of it`, async function () {
      this.timeout(60_000);
      const result = await runJitsu(line.split(' '), { cwd: folder.in('theirs'), env });
      assert.match(`${result.stdout}${result.stderr}`, words);
      assert.equal(result.status, status);
      assert.ok(!existsSync(mark), 'something of it was run');
    });
  }

  it('does not show its plugins in the manual', async function () {
    this.timeout(60_000);
    const { stdout } = await runJitsu(['--help=plain'], { cwd: folder.in('theirs', 'inner'), env });
    assert.doesNotMatch(stdout, /trap/);
  });

  it('resolve runs nothing of it either', async function () {
    this.timeout(60_000);
    const words = ['resolve', 'a.test', '--timeout', '0.1', '--port', '1'];
    await runJitsu(words, { cwd: folder.in('theirs'), env });
    assert.ok(!existsSync(mark), 'something of it was run');
  });

  it('status does not wait for what it is not to read', async function () {
    this.timeout(60_000);
    const { stderr } = await runJitsu(['status'], { cwd: folder.in('theirs', 'inner'), env });
    assert.match(stderr, /JITSU_NOT_RUNNING/);
  });
});
