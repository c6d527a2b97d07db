import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { nodeFlags } from '../support/node-flags.js';
import { threadsOf } from '../support/process-status.js';
import { requireRoot } from '../support/require-tool.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';

const PROGRAM = fileURLToPath(new URL('../support/listening-program.js', import.meta.url));

/** Has no name on any machine. */
const USER = 4_000_002;

/** A unikernel whose program is started with one socket. */
function aListener(port = 8080, habits: readonly string[] = [], more: object = {}) {
  const command = [process.execPath, ...nodeFlags, PROGRAM, ...habits];
  const { habits: _, ...unikernel } = RunningJitsu.aUnikernel('web', [], { ready: `tcp:${port}`, ...more });
  return { ...unikernel, ip: String(unikernel['ip']), command, listen: `tcp:${port}=http` };
}

/** What a client is told until the end of its connection: the pid, where all is well. */
async function visit(ip: string, port = 8080): Promise<number> {
  const client = connect(port, ip).setEncoding('utf8');
  let said = '';
  client.on('data', (text: string) => (said += text));
  await once(client, 'close');
  assert.match(said, /^\d+ http 127\.0\.0\.1$/);
  return Number(said.split(' ')[0]);
}

/** Clients that connect all the time, and what they have seen. */
class Visitors implements AsyncDisposable {
  readonly pids: number[] = [];
  readonly failures: string[] = [];
  slowest = 0;
  #done = false;
  readonly #all: Promise<unknown>;

  constructor(ip: string, port = 8080, count = 10) {
    const one = async (): Promise<void> => {
      while (!this.#done) {
        const began = performance.now();
        try {
          this.pids.push(await visit(ip, port));
        } catch (error) {
          this.failures.push(String(error));
        }
        this.slowest = Math.max(this.slowest, performance.now() - began);
        await sleep(5);
      }
    };
    this.#all = Promise.all(Array.from({ length: count }, one));
  }

  async more(): Promise<void> {
    const before = this.pids.length;
    await eventually(() => assert.ok(this.pids.length > before + 20), 20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#done = true;
    await this.#all;
  }
}

describe('a program for which Jitsu listens, summoned by the real Jitsu', function () {
  this.timeout(120_000);

  it('is booted by a connection, and told of as woken by it; a query waits until it accepts', async () => {
    const web = aListener(8080, ['slow=300']);
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    const pid = await visit(web.ip);
    assert.equal((await jitsu.status('web')).domainId, pid);
    const summoned = (await jitsu.control.history({ unikernel: 'web' })).find(({ kind }) => kind === 'summoning');
    assert.deepEqual(summoned?.cause, { kind: 'knock', protocol: 'tcp', port: 8080, from: '127.0.0.1' });
    await jitsu.control.stop('web');
    const began = performance.now();
    const { addresses } = await jitsu.ask('web.test');
    assert.deepEqual(addresses, [web.ip]);
    assert.ok(performance.now() - began > 300);
    assert.notEqual(await visit(web.ip), pid);
  });

  it('tells clients at once when it cannot be booted', async () => {
    const web = aListener(8080, ['crashes']);
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    const began = performance.now();
    await assert.rejects(visit(web.ip), { code: 'ECONNRESET' });
    assert.ok(performance.now() - began < 5_000);
  });

  for (const [what, isRoot] of [
    ['as it was started', false],
    ['having given up root', true],
  ] as const) {
    it(`loses no connection through stops and its own kill -9, ${what}`, async function () {
      if (isRoot) requireRoot(this);
      const port = isRoot ? 80 : 8080;
      const web = aListener(port, [], isRoot ? { user: 65_534 } : {});
      await using jitsu = new RunningJitsu([web], {
        stop: { onExit: 'keep' },
        ...(isRoot && { privileges: { user: USER } }),
      });
      await jitsu.start();
      const pids = new Set<number>();
      try {
        pids.add(await visit(web.ip, port));
        if (isRoot) assert.ok(threadsOf(jitsu.pid).every(({ uids }) => uids.every((uid) => uid === USER)));
        await using visitors = new Visitors(web.ip, port);
        for (let cycle = 0; cycle < 5; cycle += 1) {
          await visitors.more();
          await jitsu.control.stop('web');
        }
        await visitors.more();
        const running = (await jitsu.status('web')).domainId ?? 0;
        await jitsu.end('SIGKILL');
        await visitors.more();
        await jitsu.start();
        await visitors.more();
        assert.equal((await jitsu.status('web')).domainId, running);
        for (let cycle = 0; cycle < 5; cycle += 1) {
          await jitsu.control.stop('web');
          await visitors.more();
        }
        for (const pid of visitors.pids) pids.add(pid);
        assert.deepEqual(visitors.failures, []);
        assert.ok(pids.size > 10);
      } finally {
        for (const pid of pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      }
    });
  }

  it('leaves nothing behind at its kill -9 that has the port, and the next Jitsu has it again', async () => {
    const web = aListener(8080, ['slow=60000']);
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    await jitsu.end('SIGKILL');
    const server = createServer();
    await eventually(async () => {
      server.listen(8080, web.ip);
      await once(server, 'listening');
    });
    server.close();
    await once(server, 'close');
    // At once, when the process that starts programs may not have ended yet.
    for (let times = 0; times < 3; times += 1) {
      await jitsu.start();
      assert.equal((await jitsu.status('web')).failure, undefined);
      await jitsu.end('SIGKILL');
    }
  });
});
