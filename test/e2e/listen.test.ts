import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { nodeFlags } from '../support/node-flags.js';
import { threadsOf } from '../support/process-status.js';
import { requireRoot } from '../support/require-tool.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';

const PROGRAM = fileURLToPath(new URL('../support/listening-program.js', import.meta.url));

const WITHOUT_KOFFI = new URL('../support/without-koffi.js', import.meta.url).href;

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

async function startWithoutKoffi(jitsu: RunningJitsu): Promise<void> {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `${before ?? ''} --import=${WITHOUT_KOFFI}`;
  try {
    await jitsu.start();
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
}

/** A stop in the middle of a boot is told to those who wait for it, by a reset. */
async function stopWhenReady(jitsu: RunningJitsu): Promise<void> {
  await eventually(async () => assert.match((await jitsu.status('web')).phase, /^(ready|running)$/), 20_000);
  await jitsu.control.stop('web');
}

/** Clients that connect all the time, and what they have seen. */
class Visitors implements AsyncDisposable {
  readonly pids: number[] = [];
  readonly failures: string[] = [];
  slowest = 0;
  #done = false;
  readonly #all: Promise<unknown>;

  /** @param seen gets the pid of each program, also of one that this test has to end */
  constructor(ip: string, seen: Set<number>, port = 8080, count = 10) {
    const one = async (): Promise<void> => {
      while (!this.#done) {
        const began = performance.now();
        try {
          const pid = await visit(ip, port);
          this.pids.push(pid);
          seen.add(pid);
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
    await stopWhenReady(jitsu);
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

  it('loses no connection where koffi is not there either', async () => {
    const web = aListener(8080, ['slow=100']);
    await using jitsu = new RunningJitsu([web], { stop: { onExit: 'keep' }, privileges: 'none' });
    await startWithoutKoffi(jitsu);
    const pids = new Set<number>();
    try {
      const first = await Promise.all(Array.from({ length: 20 }, () => visit(web.ip)));
      for (const pid of first) pids.add(pid);
      assert.equal(new Set(first).size, 1);
      assert.equal((await jitsu.status('web')).domainId, first[0]);
      assert.ok(!readFileSync(`/proc/${jitsu.pid}/maps`, 'utf8').includes('koffi'));
      await using visitors = new Visitors(web.ip, pids);
      for (let cycle = 0; cycle < 5; cycle += 1) {
        await visitors.more();
        await stopWhenReady(jitsu);
      }
      await visitors.more();
      const running = (await jitsu.status('web')).domainId ?? 0;
      await jitsu.end('SIGKILL');
      await visitors.more();
      await startWithoutKoffi(jitsu);
      await visitors.more();
      assert.equal((await jitsu.status('web')).domainId, running);
      assert.deepEqual(visitors.failures, []);
      assert.ok(pids.size > 5);
    } finally {
      await jitsu.control.stop('web');
      for (const pid of pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    }
  });

  it('passes the first datagram on where koffi is not there, and leaves the others to the program', async () => {
    const web = { ...aListener(8080), listen: ['udp:5353=dns'], ready: 'exec:true' };
    await using jitsu = new RunningJitsu([web], { privileges: 'none' });
    await startWithoutKoffi(jitsu);
    const client = createSocket('udp4');
    const answers: string[] = [];
    client.on('message', (answer) => answers.push(answer.toString()));
    try {
      for (let cycle = 1; cycle <= 3; cycle += 1) {
        for (let times = 0; times < 5; times += 1) client.send('hello', 5353, web.ip);
        await eventually(() => assert.equal(answers.length, 5 * cycle), 20_000);
        await stopWhenReady(jitsu);
      }
      const pids = answers.map((answer) => /^(\d+) dns 127/.exec(answer)?.[1]);
      assert.equal(new Set(pids).size, 3);
    } finally {
      client.close();
    }
  });

  for (const [what, listen, ports, ready] of [
    ['by UDP alone', ['udp:8443=quic'], ['udp/8443'], 'exec:true'],
    ['by UDP beside TCP', ['tcp:8080=http', 'udp:8443=quic'], ['tcp/8080', 'udp/8443'], 'tcp:8080'],
  ] as const) {
    it(`is not stopped while datagrams come, ${what}, and sleeps afterwards`, async () => {
      const web = { ...aListener(), listen, ports, ready };
      const stop = { policies: ['connections', 'traffic:2s', 'ttl'] };
      await using jitsu = new RunningJitsu([web], { dns: { ttl: 1 }, stop });
      await jitsu.start();
      const client = createSocket('udp4');
      const answers: string[] = [];
      client.on('message', (answer) => answers.push(answer.toString().split(' ')[0] ?? ''));
      try {
        for (let times = 0; times < 100; times += 1) {
          client.send('hello', 8443, web.ip);
          await sleep(100);
        }
        await eventually(() => assert.equal(answers.length, 100));
        assert.equal(new Set(answers).size, 1);
        await eventually(async () => assert.equal((await jitsu.status('web')).phase, 'down'), 20_000);
      } finally {
        client.close();
      }
    });
  }

  it('refuses to listen without koffi for a program that it is to start as root later', async function () {
    requireRoot(this);
    await using jitsu = new RunningJitsu([aListener()], { privileges: { user: USER } });
    await assert.rejects(startWithoutKoffi(jitsu), /JITSU_CONFIG_INVALID.*listen: where Jitsu gives up root.*koffi/s);
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
        await using visitors = new Visitors(web.ip, pids, port);
        for (let cycle = 0; cycle < 5; cycle += 1) {
          await visitors.more();
          await stopWhenReady(jitsu);
        }
        await visitors.more();
        const running = (await jitsu.status('web')).domainId ?? 0;
        await jitsu.end('SIGKILL');
        await visitors.more();
        await jitsu.start();
        await visitors.more();
        assert.equal((await jitsu.status('web')).domainId, running);
        for (let cycle = 0; cycle < 5; cycle += 1) {
          await stopWhenReady(jitsu);
          await visitors.more();
        }
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
