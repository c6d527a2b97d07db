import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { eventually } from '#core/testing/eventually.js';
import { runJitsu, spawnJitsu } from '../support/jitsu-command.js';
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
    trap: [
      2,
      /There is no command 'trap'[^]*It may be one of jitsu-plugin-trap, which cannot be used: JITSU_PLUGIN_UNSAFE {2}Root does not take the plugin/,
    ],
    statu: [2, /There is no command 'statu'\. Did you mean 'status'\?/],
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

describe('as root below a folder that anybody may write to, jitsu', () => {
  const folder = new TemporaryFolder();
  const mark = folder.in('ran');
  const env = { RUNTIME_DIRECTORY: folder.in('run') };
  const home = folder.in('shared', 'mine');

  before(function () {
    requireRoot(this);
    chmodSync(folder.path, 0o755);
    mkdirSync(home, { recursive: true, mode: 0o755 });
    chmodSync(folder.in('shared'), 0o1777);
    const trap = `require('node:fs').appendFileSync(${JSON.stringify(mark)}, __filename + '\\n'); module.exports = {};`;
    for (const name of ['@jitsud/plugin-process', 'jitsu-plugin-trap']) {
      const place = folder.in('shared', 'node_modules', name);
      mkdirSync(place, { recursive: true });
      const jitsu = {
        ...{
          api: '^1.0.0',
          backends: ['process', 'trap'],
          readinessProbes: ['tcp', 'trap'],
          unikernelKeys: ['command'],
        },
        startFlags: { port: { value: 'TEXT', sets: 'dns.port', description: 'A trap' } },
      };
      writeFileSync(
        `${place}/package.json`,
        pluginPackageJson(name, { type: 'commonjs', exports: './index.cjs', jitsu }),
      );
      writeFileSync(`${place}/index.cjs`, trap);
    }
    execFileSync('mkfifo', [folder.in('shared', 'node_modules', 'package.json')]);
    mkdirSync(folder.in('shared', 'node_modules', 'pipe'));
    execFileSync('mkfifo', [folder.in('shared', 'node_modules', 'pipe', 'package.json')]);
    execFileSync('chown', ['-R', `${STRANGER}:${STRANGER}`, folder.in('shared', 'node_modules')]);
    const unikernel = { name: 'a', dns: 'a.test', ip: '127.0.0.9', command: 'sleep 60', ready: 'tcp:80' };
    const config = { dns: { port: 0, forwarders: 'off' }, backend: 'process', unikernels: [unikernel] };
    writeFileSync(folder.in('shared', 'mine', 'jitsu.config.json'), JSON.stringify(config));
  });

  after(() => {
    assert.ok(!existsSync(mark), 'something of a stranger was run');
    folder[Symbol.dispose]();
  });

  const passedOver = /The plugin in [^ ]*shared\/node_modules\/@jitsud\/plugin-process is passed over for that in /;
  const run = (line: string) => runJitsu(line.split(' '), { cwd: home, env });
  /** Without the breaks of lines. */
  const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

  it('checks with its own plugins, and says which it has passed over', async function () {
    this.timeout(60_000);
    const { status, stdout, stderr } = await run('check');
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.match(oneLine(stdout), passedOver);
  });

  it('starts with its own plugins, and warns of those that it has passed over', async function () {
    this.timeout(60_000);
    const child = spawnJitsu(['start'], { cwd: home, env });
    try {
      const output = text(child.stdout);
      const errors = text(child.stderr);
      await eventually(() => assert.ok(existsSync(folder.in('run', 'running', `${child.pid}.json`))), 50_000);
      child.kill('SIGTERM');
      const [said, complaints] = await Promise.all([output, errors]);
      assert.match(oneLine(said + complaints), passedOver);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('refuses only what is found there alone', async function () {
    this.timeout(60_000);
    for (const words of [
      'dns=b.test,ip=127.0.0.8,name=b,backend=trap',
      'dns=b.test,ip=127.0.0.8,name=b,command=a,ready=trap',
    ]) {
      const { status, stderr } = await run(`check ${words}`);
      assert.equal(status, 2);
      assert.match(stderr, /Root does not take the plugin/);
    }
  });

  it('lists its own plugins and, as such that cannot be used, those of others', async function () {
    this.timeout(60_000);
    const { plugins } = JSON.parse((await run('plugins --json')).stdout) as {
      plugins: readonly { name: string; folder: string; error?: { code: string } }[];
    };
    const codes = plugins
      .filter(({ name }) => name.endsWith('plugin-process') || name.endsWith('plugin-trap'))
      .map(({ name, error }) => [name, error?.code]);
    assert.deepEqual(codes, [
      ['@jitsud/plugin-process', undefined],
      ['@jitsud/plugin-process', 'JITSU_PLUGIN_UNSAFE'],
      ['jitsu-plugin-trap', 'JITSU_PLUGIN_UNSAFE'],
    ]);
  });

  it('takes no flags from them, and shows nothing of them in its help', async function () {
    this.timeout(60_000);
    const unknown = await run('start --no-such-flag x');
    assert.match(unknown.stderr, /unknown option '--no-such-flag'/);
    assert.doesNotMatch((await run('--help=plain')).stdout, /trap/);
  });
});
