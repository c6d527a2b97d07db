import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readlinkSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Knock, KnockVerdict } from '#core/contracts/doorman.js';
import type { Machine } from '#core/contracts/machine.js';
import { SystemClock } from '#core/clock.js';
import { TcpProbe } from '#core/builtins/tcp-probe.js';
import { eventually } from '#core/testing/eventually.js';
import type { ProcessBackend } from '#process/process-backend.js';
import { processOptions } from '#process/process-options.js';
import { nodeFlags } from '../../support/node-flags.js';
import { ProcessSystem } from '../../support/process-system.js';
import { requireTool } from '../../support/require-tool.js';

const PROGRAM = fileURLToPath(new URL('../../support/listening-program.js', import.meta.url));
const NODE = [process.execPath, ...nodeFlags, PROGRAM];

/** As sd_listen_fds(3) has it: the variables count only for the process itself. */
const PYTHON = `
import os, signal, socket, sys
assert int(os.environ['LISTEN_PID']) == os.getpid(), 'LISTEN_PID'
assert os.environ['LISTEN_FDS'] == '1'
server = socket.fromfd(3, socket.AF_INET, socket.SOCK_STREAM)
while True:
    client, address = server.accept()
    client.sendall(f'{os.getpid()} {os.environ["LISTEN_FDNAMES"]} {address[0]}'.encode())
    client.close()
`;

/** SO_TIMESTAMP, which Python does not name. */
const WITH_TIMESTAMPS = `
import socket
server = socket.socket(fileno=3)
server.setsockopt(socket.SOL_SOCKET, 29, 1)
while True:
    data, client = server.recvfrom(100)
    server.sendto(data, client)
`;

let addresses = 0;
const RULES = { idle: 900_000, outgoing: false, conntrack: false, ignored: [] };

for (const sealed of [false, true]) {
  describe(`a program for which Jitsu listens${sealed ? ', its spawner sealed' : ''}`, function () {
    this.timeout(60_000);
    let system: ProcessSystem;
    let backend: ProcessBackend;
    let ip: string;
    let knocks: Knock[];

    beforeEach(async () => {
      system = new ProcessSystem(sealed);
      backend = system.backend();
      ip = `127.${64 + ((process.pid >> 8) & 127)}.${process.pid & 255}.${1 + (addresses++ % 254)}`;
      knocks = [];
      await backend.connect();
    });

    afterEach(async () => {
      await backend.doorman.close();
      await backend.close();
      system[Symbol.dispose]();
    });

    async function machine(listen: string | string[], command: string | string[] = NODE, more: object = {}) {
      const options = processOptions.parse({ name: 'web', command, listen, ...more });
      return backend.machine({ name: 'web', options, addresses: [ip] });
    }

    const endpoints = ({ id }: Machine) =>
      ({ unikernel: 'web', machine: id, addresses: [ip], ports: [], macs: [], rules: RULES }) as const;
    const arm = (one: Machine, connections: 'pass' | 'refuse' = 'refuse') =>
      backend.doorman.arm([{ ...endpoints(one), connections }]);

    /** Starts it at each knock, as the core does. */
    function serve(one: Machine): void {
      let starting: Promise<void> | undefined;
      listen(() => {
        starting ??= one
          .start()
          .then(() => backend.doorman.release('web', 'deliver'))
          .finally(() => (starting = undefined));
        return 'hold';
      });
    }

    function listen(verdict: (knock: Knock) => KnockVerdict): void {
      backend.doorman.onKnock((knock) => {
        knocks.push(knock);
        return verdict(knock);
      });
    }

    /** What a client is told until the end of its connection. */
    async function visit(port = 8080): Promise<string> {
      const client = connect(port, ip).setEncoding('utf8');
      let said = '';
      client.on('data', (text: string) => (said += text));
      await once(client, 'close');
      return said;
    }

    it('is started by the first connection, which it answers', async () => {
      const one = await machine('tcp:8080=http');
      assert.ok(backend.doorman.guards(endpoints(one)));
      await arm(one);
      serve(one);
      const [pid, ...rest] = (await visit()).split(' ');
      assert.equal(Number(pid), (await one.describe()).domainId);
      assert.deepEqual(rest, ['http', '127.0.0.1']);
      assert.deepEqual(knocks, [{ unikernel: 'web', protocol: 'tcp', port: 8080, from: '127.0.0.1', proven: true }]);
    });

    it('is started by the first datagram, which it answers', async () => {
      const one = await machine(['udp:5353=dns', 'tcp:8080']);
      await arm(one);
      serve(one);
      const client = createSocket('udp4');
      try {
        client.send('hello', 5353, ip);
        const [answer] = (await once(client, 'message')) as [Buffer];
        assert.match(answer.toString(), /^\d+ dns 127\.0\.0\.1$/);
        assert.match(await visit(), /^\d+ unknown /);
        assert.deepEqual(
          knocks.map(({ protocol, port, from }) => `${protocol}/${port} ${from}`),
          ['udp/5353 127.0.0.1'],
        );
      } finally {
        client.close();
      }
    });

    for (const [what, command] of [
      ['a Python program', ['python3', '-c', PYTHON]],
      ['a program behind a shell', ['sh', '-c', 'exec "$@"', 'sh', ...NODE]],
    ] as const) {
      it(`can be ${what}`, async function () {
        if (command[0] === 'python3') requireTool(this, 'python3');
        const one = await machine('tcp:8080=http', [...command]);
        await arm(one);
        serve(one);
        const answer = await visit();
        // It may answer before Jitsu has heard that it was started.
        await eventually(async () => assert.equal(answer, `${(await one.describe()).domainId} http 127.0.0.1`));
      });
    }

    it('can be any of the examples', async function () {
      requireTool(this, 'python3');
      for (const [port, command, read] of [
        [8081, [process.execPath, 'examples/listen/server.js'], async () => (await fetch(`http://${ip}:8081/`)).text()],
        [8082, ['python3', 'examples/listen/server.py'], () => visit(8082)],
      ] as const) {
        const one = await machine(`tcp:${port}`, [...command], { name: String(port) });
        await arm(one);
        serve(one);
        assert.match(await read(), /^Hello! You connected, so I was summoned: process \d+\.\n$/);
        await backend.doorman.release('web', 'deliver');
        await one.stop('shutdown', AbortSignal.timeout(5_000));
      }
    });

    it('loses no connection of 20 clients through 20 stops and starts', async () => {
      const one = await machine('tcp:8080');
      await arm(one);
      serve(one);
      let done = false;
      const failures: unknown[] = [];
      let visits = 0;
      const pids = new Set<string>();
      const clients = Array.from({ length: 20 }, async () => {
        while (!done) {
          const said = await visit().catch((error: unknown) => String(error));
          if (/^\d+ /.test(said)) {
            visits += 1;
            pids.add(said.split(' ')[0] ?? '');
          } else failures.push(said);
          await sleep(5);
        }
      });
      for (let cycle = 0; cycle < 20; cycle += 1) {
        await eventually(async () => assert.equal((await one.describe()).state, 'running'), 10_000);
        const before = visits;
        await eventually(() => assert.ok(visits > before + 20), 10_000);
        await arm(one, 'pass');
        await one.stop('shutdown', new AbortController().signal);
        // A knock while it was about to stop came to nothing: what waits is told again.
        await backend.doorman.release('web', 'deliver');
        await arm(one);
      }
      await eventually(async () => assert.equal((await one.describe()).state, 'running'), 10_000);
      done = true;
      await Promise.all(clients);
      assert.deepEqual(failures, []);
      assert.ok(pids.size > 20, `${pids.size} programs`);
    });

    it('has what waits refused at once where it cannot be started, and is armed still', async () => {
      const one = await machine('tcp:8080', [...NODE, 'crashes']);
      await arm(one);
      listen(() => 'hold');
      const waiting = [visit(), visit(), visit()];
      for (const each of waiting) each.catch(() => undefined);
      await eventually(() => assert.ok(knocks.length > 0));
      await sleep(20);
      await backend.doorman.release('web', 'refuse');
      for (const each of waiting) await assert.rejects(each, { code: 'ECONNRESET' });
      const before = knocks.length;
      visit().catch(() => undefined);
      await eventually(() => assert.ok(knocks.length > before));
    });

    it('refuses who may not knock, at once and every time, and starts nothing for him', async () => {
      const one = await machine('tcp:8080');
      await arm(one);
      listen(() => 'refuse');
      for (let times = 1; times <= 3; times += 1) {
        await assert.rejects(visit(), { code: 'ECONNRESET' });
        assert.equal(knocks.length, times);
      }
      assert.equal((await one.describe()).state, 'off');
    });

    it('tells again who was dropped, as his system would send the packet again', async () => {
      const one = await machine('tcp:8080');
      await arm(one);
      const verdicts: KnockVerdict[] = ['drop', 'drop'];
      const told: number[] = [];
      listen(() => {
        told.push(performance.now());
        const verdict = verdicts.shift() ?? 'hold';
        if (verdict === 'hold') void one.start().then(() => backend.doorman.release('web', 'deliver'));
        return verdict;
      });
      assert.match(await visit(), /^\d+ /);
      const [first = 0, second = 0, third = 0] = told;
      assert.ok(second - first > 900 && third - second > 1_900, told.join());
    });

    it('counts as ready when it accepts, however long its port has been open', async () => {
      const one = await machine('tcp:8080', [...NODE, 'slow=300']);
      const probe = new TcpProbe(8080, new SystemClock());
      const listener = (address: string, port: number) => one.listener?.(address, port);
      const target = { name: 'web', id: one.id, addresses: [ip], listener };
      await assert.rejects(probe.untilReady(target, AbortSignal.timeout(200)), { name: 'TimeoutError' });
      const began = performance.now();
      await one.start();
      await probe.untilReady(target, new AbortController().signal);
      assert.ok(performance.now() - began > 300);
      assert.equal(one.listener?.(ip, 8081), undefined);
    });

    it('is not told of what it takes itself', async () => {
      const one = await machine('tcp:8080');
      listen(() => 'hold');
      await one.start();
      await visit();
      await arm(one, 'pass');
      let slowest = 0;
      for (let times = 0; times < 20; times += 1) {
        const began = performance.now();
        await visit();
        slowest = Math.max(slowest, performance.now() - began);
      }
      // A busy machine may give it no processor for as long as it has for taking a connection.
      if (slowest < 90) assert.deepEqual(knocks, []);
    });

    it('does not hold the sockets of another one up, nor hold any that belong to nobody', async () => {
      const one = await machine(['tcp:8080', `tcp:${ip}:8081`, 'udp:8080']);
      await one.start();
      const { domainId = 0 } = await one.describe();
      const sockets = readdirSync(`/proc/${domainId}/fd`)
        .filter((fd) => Number(fd) >= 3)
        .map((fd) => readlinkSync(`/proc/${domainId}/fd/${fd}`))
        .filter((link) => link.startsWith('socket:'));
      assert.ok(sockets.length >= 3);
      assert.ok(!readFileSync(`/proc/${domainId}/environ`, 'utf8').includes('LISTEN_FDNAMES=\0'));
      await one.stop('destroy', new AbortController().signal);
      await backend.close();
      // A sealed process that starts programs keeps what it was given until Jitsu ends.
      system.endSpawners();
      await eventually(() => assert.rejects(visit(), { code: 'ECONNREFUSED' }));
    });

    it('gets its sockets back from the program that an earlier Jitsu has started', async () => {
      const first = await machine('tcp:8080');
      await first.start();
      const pid = (await visit()).split(' ')[0];
      // As if it had been killed: nothing is closed in order, but the descriptors are.
      await backend.close();
      backend = system.backend();
      await backend.connect();
      const one = await machine('tcp:8080');
      assert.equal(String((await one.describe()).domainId), pid);
      assert.ok(backend.doorman.guards(endpoints(one)));
      await arm(one);
      const waiting = Array.from({ length: 20 }, () => visit());
      await one.stop('shutdown', new AbortController().signal);
      serve(one);
      const late = Array.from({ length: 20 }, () => visit());
      for (const said of await Promise.all([...waiting, ...late])) assert.match(said, /^\d+ /);
      assert.notEqual(String((await one.describe()).domainId), pid);
    });

    /** Sends a datagram, and resolves when it is answered. */
    async function exchange(): Promise<void> {
      const client = createSocket('udp4');
      try {
        client.send('hello', 5353, ip);
        await once(client, 'message');
      } finally {
        client.close();
      }
    }

    it('is known to have taken a datagram, also to the next Jitsu', async () => {
      const clock = new SystemClock();
      const one = await machine('udp:5353');
      const seen = endpoints(one);
      const last = async () => (await backend.activity.observe(seen, AbortSignal.timeout(5_000))).lastPacket ?? NaN;
      await one.start();
      assert.equal(await last(), -Infinity);
      const before = clock.now();
      await exchange();
      const at = await last();
      assert.ok(at > before - 20 && at <= clock.now(), `${before} ${at}`);
      await backend.close();
      assert.equal(backend.activity.sees(seen), false);
      backend = system.backend();
      await backend.connect();
      await machine('udp:5353');
      assert.ok(Math.abs((await last()) - at) < 20);
      await exchange();
      assert.ok((await last()) > at);
    });

    it('is not seen where it has itself told when its datagrams came', async function () {
      requireTool(this, 'python3');
      const one = await machine('udp:5353', ['python3', '-c', WITH_TIMESTAMPS]);
      assert.equal(backend.activity.sees(endpoints(one)), true);
      await one.start();
      await exchange();
      assert.equal(backend.activity.sees(endpoints(one)), false);
      await assert.rejects(backend.activity.observe(endpoints(one), AbortSignal.timeout(5_000)), {
        code: 'JITSU_BACKEND_FAILED',
        message: 'The datagrams to web are not known any more.',
      });
    });

    it('says which program has its port', async () => {
      const server = createServer().listen(8080, ip);
      await once(server, 'listening');
      try {
        await assert.rejects(machine('tcp:8080'), {
          code: 'JITSU_UNIKERNEL_UNAVAILABLE',
          message: /tcp 127.*8080.*Another/,
        });
      } finally {
        server.close();
      }
    });
  });
}
