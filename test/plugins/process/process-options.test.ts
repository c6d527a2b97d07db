import { defineConfig, type UnikernelConfig } from '@jitsud/core';
import plugin from '@jitsud/plugin-process';
import assert from 'node:assert/strict';
import { processOptions } from '#process/process-options.js';

describe('the options of a process', () => {
  const parse = (options: object) => processOptions.parse({ name: 'web', command: 'true', ...options });

  it('take a command as a line or as a list of words', () => {
    assert.deepEqual(parse({ command: `sh -c 'a "b c"'` }).command, ['sh', '-c', 'a "b c"']);
    assert.deepEqual(parse({ command: ['sh', '-c', 'a "b c"'] }).command, ['sh', '-c', 'a "b c"']);
  });

  it('take variables as one line, several lines or a mapping', () => {
    assert.deepEqual(parse({ env: 'OPTIONS=a=b' }).env, { OPTIONS: 'a=b' });
    assert.deepEqual(parse({ env: ['PORT=80', 'EMPTY='] }).env, { PORT: '80', EMPTY: '' });
    assert.deepEqual(parse({ env: { PORT: 80, DEBUG: true } }).env, { PORT: '80', DEBUG: 'true' });
    assert.deepEqual(parse({}).env, {});
  });

  it('take a user by name or by number', () => {
    assert.deepEqual(
      [parse({ user: 'nobody' }).user, parse({ user: '1000' }).user, parse({ user: 0 }).user],
      ['nobody', 1000, 0],
    );
  });

  it('refuse a command without a program', () => {
    for (const command of ['', '  ', [], ['']]) {
      assert.match(processOptions.safeParse({ name: 'web', command }).error?.issues[0]?.message ?? '', /program/);
    }
  });

  it('are known to the editor', () => {
    assert.equal(plugin.name, 'process');
    const unikernel = { backend: 'process', dns: 'a.test', ip: '127.0.0.2', name: 'a', command: 'true' } as const;
    const config = defineConfig({ unikernels: [unikernel satisfies UnikernelConfig] });
    assert.ok(config);
  });
});
