import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runJitsu, spawnJitsu } from '../support/jitsu-command.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

describe('the jitsu command', () => {
  const folder = new TemporaryFolder();
  after(() => folder[Symbol.dispose]());
  const cwd = folder.path;

  it('says its version on one line', async () => {
    for (const flag of ['--version', '-v', '-V']) {
      const { status, stdout, stderr } = await runJitsu([flag], { cwd });
      assert.match(stdout, /^jitsu \d+\.\d+\.\d+\S*\n$/);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    }
  });

  it('loads nothing of the core to say its version or the help of a command', async () => {
    for (const words of [['--version'], ['resolve', '--help'], ['help', 'start']]) {
      const { status, stderr } = await runJitsu(words, { cwd, env: { NODE_DEBUG: 'esm' } });
      assert.equal(status, 0);
      assert.ok(!stderr.includes('core/dist'), `the core was loaded for ${words.join(' ')}`);
    }
  });

  it('shows its manual as plain text when nobody is at a terminal, with the keys of every installed backend', async () => {
    const { status, stdout, stderr } = await runJitsu(['--help'], { cwd });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, /^NAME\n {7}jitsu - /);
    assert.match(stdout, /\nCOMMON CONFIGURATION\n(.*\n)+? {7}response_delay\n/);
    assert.match(stdout, /\nPROCESS CONFIGURATION\n(.*\n)+? {7}command \(required\)\n/);
    assert.deepEqual(
      stdout.split('\n').filter(({ length }) => length > 80),
      [],
    );
    assert.equal((await runJitsu(['--help=plain'], { cwd })).stdout, stdout);
  });

  it('writes its manual as the source of a man page', async () => {
    const { status, stdout } = await runJitsu(['--help=groff'], { cwd });
    assert.equal(status, 0);
    assert.match(stdout, /^\.TH "JITSU" "8" /);
    assert.match(stdout, /\n\.SH "PROCESS CONFIGURATION"\n/);
  });

  for (const [words, complaint] of [
    [['--help=html'], "jitsu: --help: 'html'. One of pager, plain, groff expected.\nTry 'jitsu --help'.\n"],
    [['--frob'], "jitsu: unknown option '--frob'\nTry 'jitsu start --help'.\n"],
    [['resolve'], "jitsu: missing required argument 'name'\nTry 'jitsu resolve --help'.\n"],
    [
      ['stauts'],
      "jitsu: There is no command 'stauts'. Did you mean 'status'? Commands: start, check, status, summon, stop, keep, flush, resolve, plugins, synjitsu-listen.\nTry 'jitsu --help'.\n",
    ],
  ] as const) {
    it(`refuses ${words.join(' ')} with status 2, and says what would help`, async () => {
      assert.deepEqual(await runJitsu(words, { cwd }), { status: 2, stdout: '', stderr: complaint });
    });
  }

  it('takes a flag that an installed plugin declares, and sets with it what the plugin says', async () => {
    const name = 'jitsu-plugin-frob';
    const startFlags = { frob: { value: 'URL', sets: 'notifiers.frob.url', description: 'Tell it.' } };
    const json = { name, keywords: ['jitsu-plugin'], jitsu: { api: '^99.0.0', notifiers: ['frob'], startFlags } };
    using own = new TemporaryFolder();
    const at = join(own.path, 'node_modules', name);
    await mkdir(at, { recursive: true });
    await writeFile(join(at, 'package.json'), JSON.stringify(json));
    const words = ['-x', 'process', 'dns=a.test,ip=::1,name=a,command=x'];
    const { status, stderr } = await runJitsu(['check', '--frob', 'x', ...words], { cwd: own.path });
    assert.match(stderr, /--frob: .*\. The plugin jitsu-plugin-frob is written for plugin API \^99\.0\.0/);
    assert.equal(status, 2);
  });

  it('starts nothing without a configuration, and says what to do', async () => {
    const { status, stdout, stderr } = await runJitsu([], { cwd });
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^jitsu: JITSU_CONFIG_NOT_FOUND {2}.*--config/s);
  });

  it('says every problem of a configuration in one go', async () => {
    const words = ['check', '-x', 'process', 'dns=a..test,ip=300.0.0.1,name=a', '-m', 'destroy'];
    const { status, stderr } = await runJitsu(words, { cwd });
    assert.equal(status, 2);
    assert.match(stderr, /^jitsu: JITSU_CONFIG_INVALID {2}/);
    for (const part of ['a..test', '300.0.0.1', 'command']) assert.ok(stderr.includes(part), `${part} in ${stderr}`);
  });

  it('says that no Jitsu runs, with status 1', async () => {
    const { status, stderr } = await runJitsu(['status', '--control', folder.in('none.sock')], { cwd });
    assert.equal(status, 1);
    assert.match(stderr, /^jitsu: JITSU_NOT_RUNNING {2}.*none\.sock/);
  });

  it('shows the stack of an error to those who ask, by flag or environment', async () => {
    const words = ['status', '--control', folder.in('none.sock')];
    assert.match((await runJitsu([...words, '--debug'], { cwd })).stderr, /\n +at /);
    assert.match((await runJitsu(words, { cwd, env: { JITSU_DEBUG: '1' } })).stderr, /\n +at /);
    assert.doesNotMatch((await runJitsu(words, { cwd, env: { JITSU_DEBUG: '' } })).stderr, /\n +at /);
  });

  it('does not mind a reader who leaves early', async () => {
    const child = spawnJitsu(['check', '--schema'], { cwd });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    await once(child, 'close');
    assert.deepEqual({ status: child.exitCode, stderr }, { status: 0, stderr: '' });
  });
});
