import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '#core/control/control-client.js';
import { eventually } from '#core/testing/eventually.js';
import { nodeFlags } from '../support/node-flags.js';
import { requireRoot } from '../support/require-tool.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));

/** The children of a process, by their numbers out here. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
}

describe('Jitsu as the first process of a container', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let control: ControlClient;
  let container: ChildProcess;
  let log: string;

  before(function () {
    requireRoot(this);
  });

  beforeEach(async () => {
    folder = new TemporaryFolder();
    chmodSync(folder.path, 0o711);
    control = new ControlClient(folder.in('control.sock'));
    log = '';
    const web = { name: 'web', dns: 'web.test', ip: '127.0.0.9', command: ['sleep', '1000'], responseDelay: 0 };
    const config = {
      dns: { bind: '127.0.0.1', port: 0, forwarders: 'off', transport: 'dgram' },
      backend: 'process',
      control: { socket: folder.in('control.sock') },
      runtimeDirectory: folder.in('run'),
      // Jitsu stays able to start programs when the process that starts them has died.
      privileges: 'none',
      unikernels: [web],
    };
    writeFileSync(folder.in('jitsu.config.json'), JSON.stringify(config));
    const jitsu = [process.execPath, ...nodeFlags, COMMAND, 'start', '--config', folder.in('jitsu.config.json')];
    container = spawn('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', ...jitsu], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, RUNTIME_DIRECTORY: folder.in('run') },
    });
    container.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
    await eventually(async () => assert.equal((await control.status()).listening.length, 1), 20_000);
  });

  afterEach(() => {
    // Nothing of the container outlives it.
    container?.kill('SIGKILL');
    folder?.[Symbol.dispose]();
  });

  it('warns at its start, and in its status, that it needs an init', async () => {
    const { pid, initProblem } = await control.status();
    assert.equal(pid, 1);
    assert.match(log, /"level":"warn".*Jitsu is the first process of its container.*docker run --init\)\."/);
    assert.match(initProblem ?? '', /^Jitsu is the first process .* \(docker run --init\)$/);
  });

  it('starts a program whose former process nobody collects after 5 s, with a warning', async () => {
    await control.summon('web');
    const [jitsu] = childrenOf(container.pid as number);
    const [spawner] = childrenOf(jitsu as number);
    const [program] = childrenOf(spawner as number);
    // The container's first process becomes the parent of the program, and does not collect it.
    process.kill(spawner as number, 'SIGKILL');
    await eventually(() => assert.ok(childrenOf(jitsu as number).includes(program as number)));
    process.kill(program as number, 'SIGKILL');
    await eventually(async () => assert.equal((await control.status()).unikernels[0]?.state, 'off'));
    assert.ok(isZombie(program as number));
    const begin = performance.now();
    assert.equal((await control.summon('web')).state, 'running');
    const took = performance.now() - begin;
    assert.ok(took >= 4_000, `started after ${took} ms`);
    assert.match(log, /web is started again, though process \d+, which has ended, was not collected by its parent/);
  });
});

describe('Jitsu that is not the first process', () => {
  it('has nothing to say about an init', async function () {
    this.timeout(30_000);
    await using jitsu = new RunningJitsu([RunningJitsu.aUnikernel('web')]);
    await jitsu.start();
    assert.equal((await jitsu.report()).initProblem, undefined);
    assert.ok(!jitsu.log.includes('init'));
  });
});
