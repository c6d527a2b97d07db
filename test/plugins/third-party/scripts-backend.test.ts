import type { Backend, Plugin } from '@jitsud/core/plugin';
import { describeBackend } from '@jitsud/core/testing';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ZodObject } from 'zod';
import { Contributions } from '#core/plugins/contributions.js';
import { pagePackages } from '../../support/page-packages.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const index = (await pagePackages()).find((file) => file.endsWith('jitsu-plugin-scripts/index.js')) ?? '';
const {
  default: plugin,
  ScriptsBackend,
  scriptsOptions,
} = (await import(pathToFileURL(index).href)) as {
  default: Plugin;
  ScriptsBackend: new (connectionName: string) => Backend;
  scriptsOptions: ZodObject;
};

let machines: TemporaryFolder;

const ready = (name: string) => machines.in(`${name}.pid`);
const commands = (name: string) => ({
  name,
  up: `sleep 1000 & echo $! > ${ready(name)}`,
  down: `test ! -e ${ready(name)} || { kill $(cat ${ready(name)}); rm ${ready(name)}; }`,
  status: `test -e ${ready(name)} && kill -0 $(cat ${ready(name)})`,
});

describeBackend('a third-party backend in plain JavaScript', {
  schema: scriptsOptions,
  stopModes: { destroy: 'off' },
  watches: false,
  refused: [
    { because: 'missing commands', options: { name: 'alpha', up: '' }, problems: [/^up: /, /^down: /, /^status: /] },
    {
      because: 'commands that no shell understands',
      options: { name: 'alpha', up: 'if', down: '(', status: 'true' },
      problems: [/up: .*if/, /down: .*\(/],
    },
  ],
  setUp: () => {
    machines = new TemporaryFolder();
  },
  tearDown: () => {
    for (const name of ['alpha', 'beta']) {
      if (existsSync(ready(name))) process.kill(Number(readFileSync(ready(name), 'utf8')), 'SIGKILL');
      rmSync(ready(name), { force: true });
    }
    machines[Symbol.dispose]();
  },
  connection: () => new ScriptsBackend('scripts'),
  machine: commands,
  broken: (name) => ({ ...commands(name), up: 'exit 7' }),
  count: (name) => (existsSync(ready(name)) ? 1 : 0),
});

describe('the guide to writing a backend', () => {
  it('shows a plugin that fits the registry', () => {
    const contributions = new Contributions();
    contributions.register(plugin.name, (registry) => plugin.register(registry));
  });
});
