import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '#core/clock.js';
import type { Knock, KnockVerdict } from '#core/contracts/doorman.js';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';
import { RelayDoorman } from '#core/relay/relay-doorman.js';
import type { RelayedUnikernel, RelayOrder } from '#core/relay/relay-order.js';
import { RelayThread } from '#core/relay/relay-thread.js';
import { eventually, inTime } from '#core/testing/eventually.js';
import { freePort } from '../../support/free-port.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { HERE, RelayClient } from '../../support/relay-setting.js';

const web: ServiceEndpoints = {
  ...{ unikernel: 'web', machine: 'a machine', addresses: [HERE], ports: [], macs: [] },
  rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
};

const armed = { ...web, connections: 'pass' } as const;

const never = new AbortController().signal;

function first({ unikernels: [unikernel] }: RelayOrder): RelayedUnikernel {
  assert.ok(unikernel);
  return unikernel;
}

/** A program in a process of its own, which answers each connection with its process id. */
class Program {
  #child: ChildProcess | undefined;

  constructor(private readonly port: number) {}

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const script = `require('net').createServer((c) => c.on('error', () => {}).end(String(process.pid)))
      .listen(${this.port}, '${HERE}', () => console.log('listens'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    await once(child.stdout, 'data');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    this.#child = undefined;
    child.kill('SIGKILL');
    await gone;
  }
}

describe('the doorman of relays', () => {
  let doorman: RelayDoorman;
  let program: Program;
  let order: RelayOrder;
  let port: number;
  let logger: MemoryLogger;
  const knocks: Knock[] = [];
  let verdict: KnockVerdict;

  beforeEach(async () => {
    knocks.length = 0;
    verdict = 'hold';
    port = await freePort();
    const to = { address: HERE, port: await freePort() };
    program = new Program(to.port);
    const ports = [{ protocol: 'tcp', listen: { address: HERE, port }, to, proxyProtocol: false }] as const;
    order = { unikernels: [{ unikernel: 'web', ports, idle: 900_000, ignored: [] }], idle: 7_500_000 };
    logger = new MemoryLogger();
    doorman = new RelayDoorman(order, new SystemClock(), logger);
    doorman.onKnock((knock) => {
      knocks.push(knock);
      return verdict;
    });
  });

  afterEach(async () => {
    await program.stop();
    await doorman.close();
  });

  it('guards the unikernels that have relays, and no others', () => {
    assert.equal(doorman.guards(web), true);
    assert.equal(doorman.guards({ ...web, unikernel: 'db' }), false);
    assert.equal(doorman.activity.sees(web), true);
    assert.equal(doorman.activity.sees({ ...web, unikernel: 'db' }), false);
  });

  it('holds, knocks, delivers and counts', async () => {
    await doorman.open();
    await doorman.arm([armed]);
    const client = new RelayClient(port);
    await eventually(() => assert.equal(knocks.length, 1));
    assert.deepEqual(knocks, [{ unikernel: 'web', protocol: 'tcp', port, from: HERE }]);
    await program.start();
    await doorman.release('web', 'deliver');
    await eventually(() => assert.match(client.text, /^\d+$/));
    const { connections, lastPacket = 0, detail } = await doorman.activity.observe(web, never);
    assert.deepEqual([connections, detail], [1, `1 connection, from ${HERE}`]);
    assert.ok(Math.abs(new SystemClock().now() - lastPacket) < 10_000);
    client.socket.destroy();
  });

  it('says nothing of a last packet where there was none', async () => {
    await doorman.open();
    assert.deepEqual(await doorman.activity.observe(web, never), { connections: 0, lastPacket: -Infinity });
  });

  it('refuses as it is told', async () => {
    await doorman.open();
    await doorman.arm([armed]);
    verdict = 'refuse';
    const client = new RelayClient(port);
    await eventually(() => assert.equal(client.fate, 'ECONNRESET'));
  });

  it('cuts all connections at its end, and listens no longer', async () => {
    await doorman.open();
    await doorman.arm([armed]);
    const client = new RelayClient(port);
    await eventually(() => assert.equal(knocks.length, 1));
    await doorman.close();
    await eventually(() => assert.equal(client.fate, 'ECONNRESET'));
    const late = new RelayClient(port);
    await eventually(() => assert.equal(late.fate, 'ECONNREFUSED'));
  });

  it('relays over IPv6', async () => {
    const six = { protocol: 'tcp' as const, listen: { address: '::1', port }, proxyProtocol: true };
    const ports = [{ ...six, to: { address: HERE, port: await freePort() } }];
    doorman = new RelayDoorman({ ...order, unikernels: [{ ...first(order), ports }] }, new SystemClock(), logger);
    await doorman.open();
    const headers: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (data) => headers.push(data.toString('hex')));
    }).listen(ports[0]?.to.port, HERE);
    try {
      const client = new RelayClient(port, '::1');
      await eventually(() => assert.match(headers.join(''), /^0d0a0d0a000d0a515549540a21210024(?:0{31}1){2}/));
      client.socket.destroy();
    } finally {
      server.close();
    }
  });

  it('listens at an address that the machine may get later', async function () {
    if (process.platform !== 'linux') return;
    const late = { protocol: 'tcp' as const, listen: { address: '192.0.2.77', port }, proxyProtocol: false };
    const udp = { ...late, protocol: 'udp' as const };
    const ports = [late, udp].map((each) => ({ ...each, to: { address: HERE, port: 9 } }));
    doorman = new RelayDoorman({ ...order, unikernels: [{ ...first(order), ports }] }, new SystemClock(), logger);
    await doorman.open();
    assert.match(
      JSON.stringify(logger.entries),
      /no address 192\.0\.2\.77 yet: what comes to it is relayed once it has/,
    );
  });

  it('names every port at which it cannot listen, with who has it', async () => {
    const other = createServer().listen(port, HERE);
    await once(other, 'listening');
    const second = await freePort();
    const ports = [port, second].map((number) => ({
      ...{ protocol: 'tcp' as const, listen: { address: HERE, port: number }, proxyProtocol: false },
      to: { address: HERE, port: 9 },
    }));
    const udp = { ...ports[1], protocol: 'udp' as const, listen: { address: '127.0.0.1', port: second } };
    const refused = new RelayDoorman(
      { ...order, unikernels: [{ unikernel: 'web', ports: [ports[0], udp] as never, idle: 1, ignored: [] }] },
      new SystemClock(),
      logger,
    );
    try {
      await assert.rejects(refused.open(), (error: NodeJS.ErrnoException) => {
        assert.equal(error.code, 'JITSU_LISTEN_FAILED');
        assert.match(error.message, new RegExp(`^The relay of web cannot listen on TCP ${HERE}:${port}: `));
        assert.match(error.message, new RegExp(`\\(process ${process.pid}\\) has it already\\. End that, or give`));
        return true;
      });
    } finally {
      await refused.close();
      other.close();
    }
  });

  it('starts another thread where one dies, which is armed as the one before was', async () => {
    const threads: RelayThread[] = [];
    const losses: (string | undefined)[] = [];
    doorman = new RelayDoorman(order, new SystemClock(), logger, (...given) => {
      const thread = new RelayThread(...given);
      threads.push(thread);
      return thread;
    });
    doorman.onKnock((knock) => {
      knocks.push(knock);
      return 'hold';
    });
    doorman.onLoss((reason) => losses.push(reason));
    await doorman.open();
    await doorman.arm([armed]);
    await threads[0]?.end();
    await eventually(() => assert.equal(losses.length, 2));
    assert.match(losses[0] ?? '', /^the relay has failed: /);
    assert.equal(losses[1], undefined);
    const client = new RelayClient(port);
    await eventually(() => assert.equal(knocks.length, 1));
    await program.start();
    await doorman.release('web', 'deliver');
    await eventually(() => assert.match(client.text, /^\d+$/));
  });

  it('says that it does not run while there is no thread', async () => {
    const failure = { code: 'JITSU_BACKEND_UNREACHABLE' };
    await assert.rejects(doorman.activity.observe(web, never), failure);
    await assert.rejects(doorman.arm([armed]), failure);
  });

  it('loses no connection of a client that connects every 5 ms, through 20 stops and starts', async function () {
    this.timeout(120_000);
    await doorman.open();
    await doorman.arm([armed]);
    const outcomes: { fate: string; took: number }[] = [];
    let isOver = false;
    const connecting = (async () => {
      const open: Promise<void>[] = [];
      while (!isOver) {
        const begin = performance.now();
        const client = new RelayClient(port);
        open.push(
          once(client.socket, 'close').then(() => {
            const fate = client.fate === 'end' && /^\d+$/.test(client.text) ? 'answered' : String(client.fate);
            outcomes.push({ fate, took: performance.now() - begin });
          }),
        );
        client.socket.on('end', () => client.socket.end());
        client.socket.on('error', () => undefined);
        await sleep(5);
      }
      await Promise.all(open);
    })();
    let slowest = 0;
    for (let cycle = 0; cycle < 20; cycle += 1) {
      await eventually(() => assert.ok(knocks.length > cycle));
      const begin = performance.now();
      await program.start();
      await doorman.release('web', 'deliver');
      slowest = Math.max(slowest, performance.now() - begin);
      await sleep(40);
      // As a stop does it: arm, look again, and stop only what nobody uses.
      for (;;) {
        await doorman.arm([armed]);
        const { connections } = await doorman.activity.observe(web, never);
        if (connections === 0) break;
        await doorman.release('web', 'deliver');
        await sleep(1);
      }
      await program.stop();
      await doorman.arm([{ ...armed, connections: 'refuse' }]);
    }
    await program.start();
    await doorman.release('web', 'deliver');
    isOver = true;
    await inTime(connecting, 'a connection hangs', 20_000);
    const failed = outcomes.filter(({ fate }) => fate !== 'answered');
    assert.deepEqual(failed, []);
    assert.ok(outcomes.length > 100, `${outcomes.length} connections`);
    const longest = Math.max(...outcomes.map(({ took }) => took));
    assert.ok(longest < slowest + 900, `${longest} ms, and a start took ${slowest} ms`);
  });
});
