import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));

/** Each file that starts processes, and why none of them gets a file that it was not meant to get. */
const STARTERS: Readonly<Record<string, string>> = {
  'core/src/plugin-kit/control-groups.ts': 'asks by systemCommand',
  'core/src/plugin-kit/fork-child.ts': 'closes them',
  'core/src/plugin-kit/spawned-children.ts': 'runs in a process that spawnChild has made',
  'core/src/plugin-kit/spawner-program.ts': 'runs in a process that spawnChild has made',
  'core/src/plugin-kit/system-command-program.ts': 'runs in a process that systemCommand has made',
  'plugins/process/src/user-accounts.ts': 'asks by systemCommand',
  'plugins/process/src/portable-process-table.ts': 'asks by systemCommand',
  'core/src/privileges/run-user.ts': 'asks by systemCommand',
  'core/src/state/process-identity.ts': 'not on Linux; elsewhere Node has the system close them',
  'cli/src/help/pager.ts': 'shows help, for which nothing is opened',
};

describe('processes that Jitsu starts', () => {
  it('are started only where something sees to it that they get no files but their own', () => {
    const found = [
      'core/src',
      'cli/src',
      ...readdirSync(join(REPOSITORY, 'plugins')).map((name) => `plugins/${name}/src`),
    ]
      .flatMap((folder) =>
        readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
      )
      .filter((file) => file.endsWith('.ts'))
      .filter((file) =>
        /^import (?!type).*'(node:)?(child_process|cluster)'/m.test(readFileSync(join(REPOSITORY, file), 'utf8')),
      );
    assert.deepEqual(found.sort(), Object.keys(STARTERS).sort());
  });
});
