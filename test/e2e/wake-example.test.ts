import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadYaml } from '#core/config/load-yaml.js';
import { runJitsu } from '../support/jitsu-command.js';
import { RunningJitsu } from '../support/running-jitsu.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FILE = 'examples/wake/jitsu.config.yaml';

interface Example {
  readonly wake: object;
  readonly unikernels: readonly { readonly name: string; readonly command: string }[];
}

describe('the example of waking by connections', function () {
  this.timeout(60_000);

  it('has a configuration that is good', async () => {
    const { status, stdout } = await runJitsu(['check', '--offline', '--config', FILE], { cwd: ROOT });
    assert.equal(status, 0);
    assert.match(stdout, /listen tcp 127\.0\.0\.13:8080/);
  });

  it('boots one by its first connection alone, and another by its question', async () => {
    // Others may try the example on this machine meanwhile.
    const own = ['prefetched', 'slow'].map((name) => String(RunningJitsu.aUnikernel(name)['ip']));
    const text = readFileSync(`${ROOT}${FILE}`, 'utf8');
    const { wake, unikernels } = loadYaml(
      FILE,
      text.replaceAll('127.0.0.13', own[0]!).replaceAll('127.0.0.14', own[1]!),
    ) as Example;
    const programs = unikernels.map(({ command, ...rest }) => ({
      ...rest,
      command: [process.execPath, ...command.split(' ').slice(1)],
      cwd: ROOT,
    }));
    await using jitsu = new RunningJitsu(programs, { wake });
    await jitsu.start();
    assert.deepEqual((await jitsu.ask('prefetched.test')).addresses, [own[0]]);
    assert.equal((await jitsu.status('prefetched')).totalStarts, 0);
    assert.deepEqual((await jitsu.ask('slow.test')).addresses, [own[1]]);
    for (const [index, name] of ['prefetched', 'slow'].entries()) {
      const page = await (await fetch(`http://${own[index]}:8080/`, { headers: { connection: 'close' } })).text();
      assert.match(page, /^Hello! You connected, so I was summoned: process \d+\.\n$/);
      assert.equal((await jitsu.status(name)).totalStarts, 1);
    }
    const summoned = (await jitsu.control.history({})).filter(({ kind }) => kind === 'summoning');
    assert.deepEqual(
      summoned.map(({ unikernel, cause }) => [unikernel, cause?.kind]),
      [
        ['slow', 'query'],
        ['prefetched', 'knock'],
      ],
    );
  });
});
