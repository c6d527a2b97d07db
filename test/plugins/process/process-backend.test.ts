import type { PowerChange } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { requireRoot } from '../../support/require-tool.js';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '#core/testing/eventually.js';
import { ProcessSystem } from '../../support/process-system.js';
import type { MachinesById } from '../../support/machines-by-id.js';

for (const sealed of [false, true]) {
  describe(`the process backend${sealed ? ', its spawner sealed' : ''}`, () => {
    let system: ProcessSystem;
    let backend: MachinesById;
    let changes: PowerChange[];

    beforeEach(async () => {
      system = new ProcessSystem(sealed);
      backend = system.machines();
      changes = [];
      backend.watch((change) => changes.push(change));
      await backend.connect();
    });

    afterEach(async () => {
      await backend.close();
      system[Symbol.dispose]();
    });

    async function started(command: string | string[], options: object = {}): Promise<{ id: string; pid: number }> {
      const id = await system.register(backend, { command, ...options });
      await backend.start(id);
      const { domainId = NaN } = await backend.describe(id);
      return { id, pid: domainId };
    }

    async function output(): Promise<string[]> {
      return eventually(() => {
        const lines = system.logger.entries.filter(({ fields }) => 'stream' in fields).map(({ message }) => message);
        assert.ok(lines.length > 0, 'no line of output yet');
        return lines;
      });
    }

    it('runs a program in a session and group of its own, with nothing on stdin', async () => {
      const { pid } = await started(['sh', '-c', 'readlink /proc/$$/fd/0; sleep 1000']);
      const entry = system.table.look(pid);
      assert.deepEqual([entry?.group, entry?.session], [pid, pid]);
      assert.deepEqual(await output(), ['/dev/null']);
    });

    it('opens no file for a program but the standard ones', async () => {
      using _open = {
        file: openSync('/dev/null', 'r'),
        [Symbol.dispose]() {
          closeSync(this.file);
        },
      };
      await started(['ls', '/proc/self/fd']);
      await eventually(() => assert.equal(changes.at(-1)?.state, 'off'));
      // The last one is the folder that ls reads.
      assert.deepEqual(await output(), ['0', '1', '2', '3']);
    });

    it('gives the program its folder, its variables and its own name', async () => {
      const command = ['sh', '-c', 'echo $0 $PWD $GREETING $JITSU_UNIKERNEL'];
      const { id } = await started(command, { cwd: '/usr', env: 'GREETING=hello' });
      assert.deepEqual(await output(), [`sh /usr hello ${id}`]);
    });

    it('runs a program as another user', async function () {
      requireRoot(this);
      await started('sh -c "id -u; id -g; id -G; echo $HOME"', { user: 'nobody' });
      const lines = await eventually(async () => {
        const all = await output();
        assert.equal(all.length, 4);
        return all;
      });
      assert.deepEqual(lines.slice(0, 3), ['65534', '65534', '65534']);
    });

    it('says with what status a program ended, and its last words', async () => {
      await started(['sh', '-c', 'echo fine; echo first >&2; echo no such port >&2; exit 3']);
      await eventually(() => assert.equal(changes.at(-1)?.state, 'off'));
      assert.equal(changes.at(-1)?.detail, 'exited with status 3: no such port');
    });

    it('says the line that tells why a program ended, and keeps the last twenty', async () => {
      const script = 'for (let i = 0; i < 30; i += 1) console.log(i); throw new TypeError("no port");';
      const { id } = await started([process.execPath, '--eval', script]);
      await eventually(() => assert.equal(changes.at(-1)?.state, 'off'), 10_000);
      assert.equal(changes.at(-1)?.detail, 'exited with status 1: TypeError: no port');
      const lines = await backend.recentOutput(id);
      assert.equal(lines.length, 20);
      assert(lines.includes('TypeError: no port'));
      assert.match(lines.at(-1) ?? '', /^Node\.js v/);
    });

    it('says by which signal a program ended', async () => {
      const { id, pid } = await started('sleep 1000');
      process.kill(pid, 'SIGSEGV');
      await eventually(() => assert.equal(changes.at(-1)?.detail, 'killed by SIGSEGV'));
      assert.equal((await backend.describe(id)).detail, 'killed by SIGSEGV');
    });

    it('logs both streams line by line, made harmless', async () => {
      const script = `printf 'one\\ntwo\\033[31m\\n'; printf 'a\\200b\\n' >&2; head -c 100000 /dev/zero | tr '\\0' x; echo; echo last`;
      await started(['sh', '-c', script]);
      await eventually(() => assert.equal(changes.at(-1)?.state, 'off'));
      const of = (stream: string) =>
        system.logger.entries.filter(({ fields }) => fields.stream === stream).map(({ message }) => message);
      assert.deepEqual(of('stderr'), ['a\ufffdb']);
      const [one, two, long, last] = of('stdout');
      assert.deepEqual([one, two, last], ['one', 'two\\x1b[31m', 'last']);
      assert.match(long ?? '', /^x{4000} … \(cut\)$/);
      assert.equal(system.logger.entries[0]?.fields.unikernel, 'web');
    });

    it('keeps its files small, however much a program says', async () => {
      const { id } = await started(['sh', '-c', 'while :; do echo some words that fill the disk; done']);
      await eventually(() => {
        const skipped = system.logger.entries.some(({ message }) => message.includes('bytes skipped'));
        assert.ok(skipped || system.logger.entries.length > 20_000);
      });
      await backend.stop(id, 'destroy', AbortSignal.timeout(5_000));
      assert.deepEqual(leftovers(), []);
    });

    it('leaves nobody of a group alive after destroy, grandchildren included', async () => {
      const { id } = await started(['sh', '-c', 'trap "" TERM; (trap "" TERM; sleep 1000 & sleep 1001) & wait; wait']);
      await eventually(() => assert.ok(system.pids().length >= 3, `${system.pids().length} processes`));
      await backend.stop(id, 'destroy', AbortSignal.timeout(5_000));
      assert.deepEqual(system.pids(), []);
    });

    it('leaves nobody of a group alive when its first process dies', async () => {
      const { pid } = await started(['sh', '-c', 'sleep 1000 & sleep 1001 & wait']);
      await eventually(() => assert.equal(system.pids().length, 3));
      process.kill(pid, 'SIGKILL');
      await eventually(() => assert.equal(changes.at(-1)?.state, 'off'));
      assert.deepEqual(system.pids(), []);
    });

    it('waits in a shutdown for those of the group that take longer than its first process', async () => {
      const slow = 'sh -c \'trap "sleep 0.3; echo done; exit" TERM; echo up; while :; do sleep 0.05; done\'';
      const { id } = await started(['sh', '-c', `${slow} & exec sleep 1000`]);
      assert.deepEqual(await output(), ['up']);
      await backend.stop(id, 'shutdown', AbortSignal.timeout(5_000));
      assert.equal((await output()).at(-1), 'done');
      assert.deepEqual(system.pids(), []);
    });

    it('shuts a suspended program down', async () => {
      const { id } = await started(['sh', '-c', 'trap "echo bye; exit" TERM; echo up; while :; do sleep 0.05; done']);
      await output();
      await backend.stop(id, 'suspend', AbortSignal.timeout(5_000));
      await backend.stop(id, 'shutdown', AbortSignal.timeout(5_000));
      assert.ok((await output()).includes('bye'));
    });

    it('suspends the whole group, and resumes it', async () => {
      const { id } = await started(['sh', '-c', 'sleep 1000 & sleep 1001']);
      await eventually(() => assert.equal(system.pids().length, 3));
      const states = () => system.pids().map((pid) => system.table.look(pid)?.state);
      await backend.stop(id, 'suspend', AbortSignal.timeout(5_000));
      await eventually(() => assert.deepEqual(states(), ['stopped', 'stopped', 'stopped']));
      await backend.resume(id);
      await eventually(() => assert.deepEqual(states(), ['alive', 'alive', 'alive']));
    });

    it('suspends a program at any moment, also one that is about to start another', async () => {
      const { id } = await started(['sh', '-c', 'while :; do /bin/true; done']);
      for (let round = 0; round < 30; round += 1) {
        await backend.stop(id, 'suspend', AbortSignal.timeout(5_000));
        assert.equal((await backend.describe(id)).state, 'suspended');
        await backend.resume(id);
      }
    });

    it('notices that somebody else has stopped and continued a program', async () => {
      const { pid } = await started('sleep 1000');
      process.kill(pid, 'SIGSTOP');
      await eventually(() => assert.equal(changes.at(-1)?.state, 'suspended'));
      process.kill(pid, 'SIGCONT');
      await eventually(() => assert.equal(changes.at(-1)?.state, 'running'));
    });

    it('leaves no file behind a program that has ended, and refuses a record that is not its own', async () => {
      const { id } = await started('sleep 1000');
      const record = JSON.parse(readFileSync(join(folder(), `${id}.json`), 'utf8')) as { startTime: string };
      await backend.stop(id, 'destroy', AbortSignal.timeout(5_000));
      assert.deepEqual(leftovers(), []);

      const impostor = { ...record, pid: process.pid };
      writeFileSync(join(folder(), `${id}.json`), JSON.stringify(impostor));
      await backend.close();
      await backend.connect();
      assert.equal((await backend.describe(id)).state, 'off');
      assert.deepEqual(leftovers(), []);
    });

    it('lets nobody else read what it keeps of a program, or what the program says', async () => {
      const { id } = await started(['sh', '-c', 'echo up; echo up >&2; sleep 1000']);
      await output();
      const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
      const files = [`${id}.json`, join('output', `${id}.stdout`), join('output', `${id}.stderr`)];
      assert.deepEqual([folder(), join(folder(), 'output'), ...files.map((file) => join(folder(), file))].map(mode), [
        '700',
        '700',
        '600',
        '600',
        '600',
      ]);
    });

    it('hands on nothing of what systemd tells Jitsu about itself', async () => {
      const names = ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'];
      for (const name of [...names, 'MAINPID', 'GREETING']) process.env[name] = '7';
      try {
        await started(['sh', '-c', 'env; echo end; sleep 1000']);
      } finally {
        for (const name of [...names, 'MAINPID', 'GREETING']) Reflect.deleteProperty(process.env, name);
      }
      const lines = await eventually(async () => {
        const all = await output();
        assert.ok(all.includes('end'));
        return all;
      });
      assert.ok(lines.includes('GREETING=7'));
      assert.deepEqual(
        lines.filter((line) => [...names, 'MAINPID'].some((name) => line.startsWith(`${name}=`))),
        [],
      );
    });

    it('writes down that a program is about to be spawned before it is', async () => {
      const id = await system.register(backend, { command: 'sleep 1000' });
      const start = backend.start(id);
      const { nonce } = JSON.parse(readFileSync(join(folder(), `${id}.json`), 'utf8')) as { nonce: string };
      assert.match(nonce, /^[0-9a-f]{32}$/);
      assert.equal(statSync(join(folder(), `${id}.json`)).mode & 0o777, 0o600);
      await start;
      const record = JSON.parse(readFileSync(join(folder(), `${id}.json`), 'utf8')) as { pid: number; nonce: string };
      assert.equal(record.nonce, nonce);
      assert.ok(system.table.environment(record.pid)?.includes(`JITSU_SPAWN=${nonce}`));
    });

    it('knows a program that it cannot write down, and stops it', async () => {
      const id = await system.register(backend, { command: 'sleep 1000' });
      mkdirSync(join(folder(), `${id}.json.new`));
      await backend.start(id);
      assert.equal((await backend.describe(id)).state, 'running');
      assert.match(system.logger.lines[0] ?? '', /^warn: It cannot be written down/);
      await backend.stop(id, 'destroy', AbortSignal.timeout(5_000));
      await eventually(() => assert.deepEqual(system.pids(), []));
    });

    it('registers 100,000 unikernels without making anybody wait', async function () {
      this.timeout(60_000);
      const before = performance.now();
      for (let index = 0; index < 100_000; index += 1)
        await system.register(backend, { name: `web-${index}`, command: ['sleep', '1000'] });
      const took = performance.now() - before;
      assert.ok(took < 20_000, `${took} ms`);
    });

    function folder(): string {
      return join(system.folder.path, 'process-process');
    }

    function leftovers(): string[] {
      return [...readdirSync(folder()).filter((name) => name !== 'output'), ...readdirSync(join(folder(), 'output'))];
    }

    it(`loses nothing, and starts ${sealed ? 'no others' : 'others'}, when the process that spawns for it is killed`, async () => {
      const { id, pid } = await started(['sleep', '3600']);
      const spawner = parentOf(pid);
      assert.notEqual(spawner, process.pid);
      process.kill(spawner, 'SIGKILL');
      await eventually(() => assert.notEqual(parentOf(pid), spawner));
      assert.equal((await backend.describe(id)).state, 'running');
      process.kill(pid, 'SIGKILL');
      await eventually(async () => assert.equal((await backend.describe(id)).state, 'off'));
      if (sealed) await assert.rejects(backend.start(id), { code: 'JITSU_BACKEND_UNREACHABLE' });
      else await backend.start(id);
      assert.equal((await backend.describe(id)).state, sealed ? 'off' : 'running');
    });
  });
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
