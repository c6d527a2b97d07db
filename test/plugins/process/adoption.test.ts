import type { PowerChange } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stableUuid } from '#core/plugin-kit/stable-uuid.js';
import { eventually } from '#core/testing/eventually.js';
import { marksOf } from '#process/spawn-process.js';
import { crashingJitsu } from '../../support/crashing-jitsu.js';
import { ProcessSystem } from '../../support/process-system.js';
import type { MachinesById } from '../../support/machines-by-id.js';

const NONCE = '0123456789abcdef0123456789abcdef';

for (const sealed of [false, true]) {
  describe(`the process backend, after a crash of Jitsu${sealed ? ', its spawner sealed' : ''}`, () => {
    const id = stableUuid('jitsu process', 'process', 'web');
    let system: ProcessSystem;
    let backend: MachinesById;

    beforeEach(() => {
      system = new ProcessSystem(sealed);
      backend = system.machines();
    });

    afterEach(async () => {
      await backend.close();
      system[Symbol.dispose]();
    });

    it('adopts the very same process, follows its output and notices its end', async () => {
      const command = `sh -c 'echo before; while :; do echo still here >&2; sleep 0.02; done'`;
      await crashingJitsu(system.folder.path, { name: 'web', command });
      const [pid = NaN] = system.pids().filter((each) => system.table.look(each)?.session === each);
      await backend.connect();
      assert.equal(await system.register(backend, { command }), id);
      const { state, domainId } = await backend.describe(id);
      assert.deepEqual([state, domainId], ['running', pid]);

      await eventually(() => assert.ok(system.logger.entries.some(({ message }) => message === 'still here')));
      assert.ok(!system.logger.entries.some(({ message }) => message === 'before'));

      const changes: PowerChange[] = [];
      backend.watch((change) => changes.push(change));
      process.kill(pid, 'SIGKILL');
      await eventually(() => assert.equal(changes.at(-1)?.state, 'off'));
      assert.match(changes.at(-1)?.detail ?? '', /^ended; .*: still here$/);
      assert.deepEqual(system.pids(), []);
    });

    it('starts where a record cannot be read, says so, and takes the program over by its marks', async () => {
      const command = `sh -c 'while :; do sleep 0.02; done'`;
      await crashingJitsu(system.folder.path, { name: 'web', command });
      const [pid = NaN] = system.pids().filter((each) => system.table.look(each)?.session === each);
      const record = system.folder.in('process-process', `${id}.json`);
      rmSync(record);
      mkdirSync(record);
      await backend.connect();
      const told = system.logger.entries.map(({ message }) => message).filter((message) => message?.includes(record));
      assert.match(told.join('\n'), /cannot be read \(EISDIR/);
      rmdirSync(record);
      await system.register(backend, { command });
      const { state, domainId } = await backend.describe(id);
      assert.deepEqual([state, domainId], ['running', pid]);
    });

    it('survives the crash without losing a line of its own to a broken pipe', async () => {
      const command = `sh -c 'while sleep 0.01; do echo x || exit 1; done'`;
      await crashingJitsu(system.folder.path, { name: 'web', command });
      await new Promise((resolve) => setTimeout(resolve, 100));
      await backend.connect();
      await system.register(backend, { command });
      assert.equal((await backend.describe(id)).state, 'running');
    });

    it('finds a process whose pid was not written down any more', async () => {
      const pid = spawnMarked(['sleep', '1000']);
      leaveUnfinishedRecord(JSON.stringify({ nonce: NONCE }));
      await backend.connect();
      await system.register(backend, { command: 'sleep 1000' });
      const { state, domainId } = await backend.describe(id);
      assert.deepEqual([state, domainId], ['running', pid]);
      await backend.stop(id, 'destroy', AbortSignal.timeout(5_000));
      assert.deepEqual(system.pids(), []);
    });

    it('adopts nothing that anybody could have started, whatever the record lacks', async () => {
      const forged = spawnMarked(['sleep', '1000'], 'f'.repeat(32));
      for (const text of ['', '{', JSON.stringify({ nonce: NONCE })]) {
        leaveUnfinishedRecord(text);
        await backend.connect();
        await system.register(backend, { command: 'sleep 1000' });
        assert.equal((await backend.describe(id)).state, 'off');
        await backend.close();
      }
      assert.deepEqual(system.pids(), [forged]);
    });

    it('finds nothing where the crash came before the process', async () => {
      leaveUnfinishedRecord();
      await backend.connect();
      await system.register(backend, { command: 'sleep 1000' });
      assert.equal((await backend.describe(id)).state, 'off');
    });

    it('ends what is left of a group whose first process died meanwhile', async () => {
      const command = `sh -c 'sleep 1000 & sleep 1001 & wait'`;
      await crashingJitsu(system.folder.path, { name: 'web', command });
      await eventually(() => assert.equal(system.pids().length, 3));
      const leader = system.pids().find((each) => system.table.look(each)?.session === each);
      process.kill(leader ?? NaN, 'SIGKILL');
      await eventually(() => assert.equal(system.pids().length, 2));
      await backend.connect();
      await system.register(backend, { command });
      assert.equal((await backend.describe(id)).state, 'off');
      await eventually(() => assert.deepEqual(system.pids(), []));
    });

    function spawnMarked([program = '', ...words]: string[], nonce = NONCE): number | undefined {
      const env = { ...process.env, ...marksOf(id, system.folder.path), JITSU_SPAWN: nonce };
      const child = spawn(program, words, { detached: true, stdio: 'ignore', env });
      child.unref();
      return child.pid;
    }

    function leaveUnfinishedRecord(text = ''): void {
      const folder = join(system.folder.path, 'process-process');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${id}.json`), text);
    }
  });
}
