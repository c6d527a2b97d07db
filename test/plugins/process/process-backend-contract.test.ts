import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { eventually } from '#core/testing/eventually.js';
import { describeBackend } from '@jitsud/core/testing';
import { processOptions } from '#process/process-options.js';
import { ProcessSystem } from '../../support/process-system.js';

let system: ProcessSystem;

/** What the stubborn program writes when it ignores SIGTERM. */
const flag = (): string => system.folder.in('ignores');

const harness = (sealed: boolean): Parameters<typeof describeBackend>[1] => ({
  schema: processOptions,
  stopModes: { destroy: 'off', shutdown: 'off', suspend: 'suspended' },
  watches: true,
  tellsStrays: true,
  refused: [
    {
      because: 'options of the wrong form',
      options: { name: '', command: "sh -c 'never closed", env: 'novalue', user: -1 },
      problems: [/^name: /, /^command: .*quote/, /^env: /, /^user: /],
    },
    {
      because: 'a program, a folder and a user that do not exist',
      options: { name: 'alpha', command: './no-such-program', cwd: '/no/such/folder', user: 'nobody-of-that-name' },
      problems: [/command: .*no-such-program/, /cwd: .*\/no\/such\/folder/, /user: .*nobody-of-that-name/],
    },
  ],
  setUp: () => {
    system = new ProcessSystem(sealed);
  },
  tearDown: () => system[Symbol.dispose](),
  connection: () => system.backend(),
  machine: (name) => ({ name, command: 'sleep 1000' }),
  stubborn: (name) => ({ name, command: ['sh', '-c', `trap "" TERM; touch ${flag()}; while :; do sleep 0.1; done`] }),
  redefined: (name) => ({ name, command: 'sleep 1001' }),
  booted: async (_name, id) => {
    const [pid = NaN] = await eventually(() => {
      const pids = system.pids(`JITSU_UNIKERNEL=${id}`);
      assert.equal(pids.length, 1);
      return pids;
    });
    const isShell = readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sh';
    if (isShell) await eventually(() => assert.ok(existsSync(flag())));
  },
  writes: (name) => ({ options: { name, command: ['sh', '-c', 'echo one; echo two'] }, lines: ['one', 'two'] }),
  broken: (name) => ({ name, command: '/bin/sleep 1000', env: { HUGE: 'x'.repeat(1_000_000) } }),
  count: (_name, id) => system.pids(`JITSU_UNIKERNEL=${id}`).length,
  kill: (_name, _id, pid) => {
    process.kill(pid ?? NaN, 'SIGKILL');
  },
});

describeBackend('the process backend', harness(false));
describeBackend('the process backend whose spawner is sealed', harness(true));
