import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadYaml } from '#core/config/load-yaml.js';
import { runJitsu } from '../support/jitsu-command.js';
import { RunningJitsu } from '../support/running-jitsu.js';

const FOLDER = fileURLToPath(new URL('../../../examples/app-with-database/', import.meta.url));

interface Example {
  readonly unikernels: readonly { readonly name: string; readonly ip: string; readonly command: readonly string[] }[];
}

describe('the example of a page and its database', function () {
  this.timeout(60_000);

  it('has a configuration that is good', async () => {
    const { status, stdout } = await runJitsu(['check', '--offline'], { cwd: FOLDER });
    assert.equal(status, 0);
    assert.match(stdout, /^jitsu\.config\.yaml is good\.\n/);
  });

  it('shows a page that has found its database, by one question', async () => {
    const text = readFileSync(`${FOLDER}jitsu.config.yaml`, 'utf8');
    // Others may try the example on this machine meanwhile.
    const own = [RunningJitsu.aUnikernel('page'), RunningJitsu.aUnikernel('database')].map(({ ip }) => String(ip));
    const { unikernels } = loadYaml(
      'jitsu.config.yaml',
      text.replaceAll('127.0.0.83', own[0]!).replaceAll('127.0.0.84', own[1]!),
    ) as Example;
    const programs = unikernels.map(({ command: [, ...words], ...rest }) => ({
      ...rest,
      command: [process.execPath, ...words],
      cwd: FOLDER,
    }));
    await using jitsu = new RunningJitsu(programs);
    await jitsu.start();
    const { addresses, extendedErrors } = await jitsu.ask('page.jitsu.test');
    assert.deepEqual(addresses, [own[0]], extendedErrors.join());
    for (const visit of [1, 2]) {
      const page = await (await fetch(`http://${own[0]}:8080/`, { headers: { connection: 'close' } })).text();
      assert.equal(page, `Visit ${visit}, of which 0 were before this page was started.\n`);
    }
    assert.deepEqual((await jitsu.status('database')).neededBy, ['page']);
    const { usuallyReadyIn = 0 } = await jitsu.status('database');
    assert.ok(usuallyReadyIn > 900, `the database takes its time: ${usuallyReadyIn} ms`);
  });
});
