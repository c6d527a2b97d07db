import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { thisMachine, type Place } from '../support/place.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';

const WITHOUT_KOFFI = new URL('../support/without-koffi.js', import.meta.url).href;

/** Where programs find no koffi, and so no call of the system beyond Node's own. */
const withoutKoffi: Place = {
  ...thisMachine,
  spawn: (program, parameters, options) => spawn(program, [`--import=${WITHOUT_KOFFI}`, ...parameters], options),
};

/** Where its relay listens. */
const PORT = 9080;

const aUnikernel = (habits: readonly string[] = [], more: object = {}): Record<string, unknown> =>
  RunningJitsu.aUnikernel('web', habits, { relay: `tcp:${PORT} -> 8080`, ttl: '1s', ...more });

/** The process id of the program that has answered, over a connection of its own. */
const visit = (host: unknown, path = '/'): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ host: String(host), port: PORT, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve(Number(text)));
    })
      .on('error', reject)
      .end();
  });

for (const [what, place] of [
  ['', thisMachine],
  [' without koffi', withoutKoffi],
] as const) {
  describe(`a relay of a process${what}`, () => {
    it('wakes it by a connection, and is no answer of its own', async function () {
      this.timeout(60_000);
      const web = aUnikernel();
      await using jitsu = new RunningJitsu([web], {}, place);
      await jitsu.start();
      assert.deepEqual(jitsu.pids(), [], 'a look at its port is no use');
      const pid = await visit(web['ip']);
      assert.ok(isRunning(pid), jitsu.log);
      const [summoning] = (await jitsu.control.history({ unikernel: 'web' })).filter(
        ({ kind }) => kind === 'summoning',
      );
      assert.deepEqual(summoning?.cause, { kind: 'knock', protocol: 'tcp', port: PORT, from: '127.0.0.1' });
      const { rcode } = await jitsu.ask('web.test');
      assert.equal(rcode, 'NOERROR');
    });

    it('loses no connection while it is stopped and started', async function () {
      this.timeout(120_000);
      const web = aUnikernel([], { stopPolicies: ['connections', 'ttl'] });
      await using jitsu = new RunningJitsu([web], {}, place);
      await jitsu.start();
      const failures: string[] = [];
      const pids = new Set<number>();
      let isOver = false;
      const visiting = (async () => {
        while (!isOver) {
          const begin = performance.now();
          const open: Promise<unknown>[] = [];
          for (let count = 0; count < 10; count += 1) {
            const visited = visit(web['ip']).then((pid) => void pids.add(pid));
            open.push(visited.catch((error: unknown) => void failures.push(String(error))));
            await sleep(20);
          }
          await Promise.all(open);
          // However slow the machine is, no connection is open for most of the time.
          await sleep(3 * (performance.now() - begin));
        }
      })();
      // Its policies stop it when they look while no connection is open, as nobody asks for its name.
      await eventually(() => assert.ok(pids.size > 2, jitsu.log), 100_000);
      isOver = true;
      await visiting;
      assert.deepEqual(failures, []);
    });
  });
}

describe('a service behind a relay', () => {
  it('is not stopped while a connection is used, which no query shows, and is stopped afterwards', async function () {
    this.timeout(60_000);
    const web = aUnikernel([], { stopPolicies: ['connections', 'ttl'] });
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    const pid = await visit(web['ip']);
    const socket = connect({ host: String(web['ip']), port: PORT });
    socket.on('error', () => undefined);
    let isCut = false;
    socket.on('close', () => (isCut = true));
    // It is kept for its connection alone, for many times its TTL.
    for (let turn = 0; turn < 8; turn += 1) {
      socket.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
      await sleep(1_000);
    }
    assert.equal(isCut, false, jitsu.log);
    assert.ok(isRunning(pid), jitsu.log);
    socket.destroy();
    await eventually(() => assert.ok(!isRunning(pid), jitsu.log), 20_000);
    assert.notEqual(await visit(web['ip']), pid);
  });

  it('is not woken by a request that is ignored', async function () {
    this.timeout(60_000);
    const web = aUnikernel();
    await using jitsu = new RunningJitsu([web], { relay: { ignore: { paths: ['/healthz'] } } });
    await jitsu.start();
    const answer = await fetch(`http://${String(web['ip'])}:${PORT}/healthz`);
    assert.deepEqual(
      [answer.status, answer.headers.get('cache-control'), answer.headers.get('retry-after')],
      [503, 'no-store', '60'],
    );
    assert.deepEqual(jitsu.pids(), []);
    assert.ok(isRunning(await visit(web['ip'])));
  });

  it('ends its connection by a reset where its start fails', async function () {
    this.timeout(60_000);
    const web = aUnikernel(['crashes']);
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    await assert.rejects(visit(web['ip']), { code: 'ECONNRESET' });
  });

  it('cannot be looked at by a probe of the port of its relay', async function () {
    this.timeout(60_000);
    const web = aUnikernel([], { ready: `tcp:${PORT}` });
    await using jitsu = new RunningJitsu([web]);
    await assert.rejects(jitsu.start(), /The port at which the program listens expected, 8080/);
  });
});
