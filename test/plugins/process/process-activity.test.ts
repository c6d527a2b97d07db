import { describeActivitySource, ManualClock, SystemClock } from '@jitsud/core/testing';
import type { ServiceEndpoints } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connectUntil } from '#core/builtins/connect-until.js';
import { HeldListeners } from '#process/held-listeners.js';
import { listenOption } from '#process/listen-option.js';
import { NativeListeningSockets } from '#process/native-listening-sockets.js';
import { NodeListeningSockets } from '#process/node-listening-sockets.js';
import { ProcessActivity } from '#process/process-activity.js';
import { ProcNetTcp } from '#process/proc-net-tcp.js';
import { SocketDiagnosis } from '#process/socket-diagnosis.js';
import type { TcpTable } from '#process/tcp-table.js';
import { cannotRun } from '../../support/cannot-run.js';
import { freePort } from '../../support/free-port.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { NetworkNamespace } from '../../support/network-namespace.js';

const RULES = { idle: 900_000, outgoing: false, conntrack: false, ignored: [] };
const never = new AbortController().signal;

/** A server whose connections the test closes, and its clients. */
class Service implements AsyncDisposable {
  readonly server: Server;
  readonly sockets: Socket[] = [];

  private constructor(private readonly closes: boolean) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket.on('error', () => undefined).resume());
      if (this.closes) socket.end();
      else socket.on('end', () => socket.end());
    });
  }

  /** @param closes whether it closes each connection at once */
  static async listening(host = '127.0.0.1', closes = false): Promise<Service> {
    const service = new Service(closes);
    service.server.listen(0, host);
    await once(service.server, 'listening');
    return service;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async connect(host: string, localAddress?: string): Promise<Socket> {
    const socket = connect({ host, port: this.port, ...(localAddress !== undefined && { localAddress }) });
    this.sockets.push(socket.on('error', () => undefined).resume());
    await once(socket, 'connect');
    return socket;
  }

  endpoints(address: string, rules: Partial<ServiceEndpoints['rules']> = {}): ServiceEndpoints {
    const ports = [{ protocol: 'tcp', port: this.port }] as const;
    return { unikernel: 'web', machine: 'id', addresses: [address], ports, macs: [], rules: { ...RULES, ...rules } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.resetAndDestroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

const TABLES: Readonly<Record<string, () => Promise<TcpTable>>> = {
  'by the diagnosis of sockets': async () => (await SocketDiagnosis.open()) ?? assert.fail('there is none'),
  'by /proc': async () => new ProcNetTcp(),
};

for (const [how, table] of Object.entries(TABLES)) {
  describe(`the connections to programs, ${how}`, () => {
    before(function () {
      if (process.platform !== 'linux') cannotRun(this, 'only Linux tells its connections');
    });

    let service: Service;
    const clock = new SystemClock();
    describeActivitySource(`the activity of processes, ${how},`, {
      source: () => new ProcessActivity(clock, undefined, table),
      setUp: async () => void (service = await Service.listening()),
      tearDown: async () => service[Symbol.asyncDispose](),
      seen: () => service.endpoints('127.0.0.1'),
      unseen: () => ({ ...service.endpoints('127.0.0.1'), ports: [] }),
      now: () => clock.now(),
      connect: async () => {
        const socket = await service.connect('127.0.0.1');
        return () => void socket.end();
      },
    });

    it('are known of listeners for one address, for all of them, and for both families, at each address apart', async () => {
      const source = new ProcessActivity(clock, undefined, table);
      for (const [listens, used, unused] of [
        ['127.0.0.33', '127.0.0.33', '127.0.0.34'],
        ['0.0.0.0', '127.0.0.33', '127.0.0.34'],
        ['::', '127.0.0.33', '127.0.0.34'],
        ['::', '::1', '127.0.0.34'],
        ['::1', '::1', '::2'],
      ] as const) {
        await using service = await Service.listening(listens);
        await service.connect(used, used === '::1' ? undefined : '127.0.0.9');
        const peer = used === '::1' ? '::1' : '127.0.0.9';
        const { connections, detail } = await source.observe(service.endpoints(used), never);
        assert.deepEqual([listens, connections, detail], [listens, 1, `1 connection, from ${peer}`]);
        assert.equal((await source.observe(service.endpoints(unused), never)).connections, 0);
        const other = { ...service.endpoints(used), ports: [{ protocol: 'tcp', port: 9 }] as const };
        assert.equal((await source.observe(other, never)).connections, 0);
      }
      await source.close();
    });

    it('do not count from ignored networks, and name a few of the others', async () => {
      await using service = await Service.listening();
      const source = new ProcessActivity(clock, undefined, table);
      for (const last of [5, 6, 7, 8, 9, 66]) await service.connect('127.0.0.1', `127.0.0.${last}`);
      const ignored = ['127.0.0.64/26', '::/0'];
      const { connections, detail = '' } = await source.observe(service.endpoints('127.0.0.1', { ignored }), never);
      assert.equal(connections, 5);
      assert.match(detail, /^5 connections, from 127\.0\.0\.\d, 127\.0\.0\.\d, 127\.0\.0\.\d and 2 more$/);
      assert.doesNotMatch(detail, /127\.0\.0\.66/);
      await source.close();
    });

    it('count while the client waits for an answer, though it sends nothing more', async () => {
      await using service = await Service.listening();
      const source = new ProcessActivity(clock, undefined, table);
      service.server.removeAllListeners('connection');
      const accepted = once(service.server, 'connection') as Promise<[Socket]>;
      const client = await service.connect('127.0.0.1');
      const [socket] = await accepted;
      service.sockets.push(socket.on('error', () => undefined).resume());
      client.end();
      await once(socket, 'end');
      assert.equal((await source.observe(service.endpoints('127.0.0.1'), never)).connections, 1);
      await source.close();
    });
  });
}

describe('the connections to programs', () => {
  before(function () {
    if (process.platform !== 'linux') cannotRun(this, 'only Linux tells its connections');
  });

  it('count while they are not idle for too long', async () => {
    await using service = await Service.listening();
    const source = new ProcessActivity(new SystemClock());
    const client = await service.connect('127.0.0.1');
    const endpoints = service.endpoints('127.0.0.1', { idle: 100 });
    for (;;) if ((await source.observe(endpoints, never)).connections === 0) break;
    client.write('x');
    while ((await source.observe(endpoints, never)).connections !== 1) await new Promise(setImmediate);
    await source.close();
  });

  it('tell when the service has closed the last one, and nothing where no one came', async () => {
    await using service = await Service.listening('127.0.0.1', true);
    const clock = new ManualClock();
    const source = new ProcessActivity(clock);
    const endpoints = service.endpoints('127.0.0.1');
    assert.deepEqual(await source.observe(endpoints, never), { connections: 0 });
    const client = await service.connect('127.0.0.1');
    client.end();
    await once(client, 'close');
    const { connections, lastClosed = NaN } = await source.observe(endpoints, never);
    assert.equal(connections, 0);
    assert.ok(clock.now() - lastClosed < 5_000, `it says ${clock.now() - lastClosed} ms ago`);
    await source.close();
  });

  it('are none of its own probes, neither open nor when the service has closed them', async () => {
    const clock = new SystemClock();
    for (const table of Object.values(TABLES)) {
      for (const closes of [false, true]) {
        await using service = await Service.listening('127.0.0.1', closes);
        const source = new ProcessActivity(clock, undefined, table);
        const endpoints = service.endpoints('127.0.0.1');
        const probe = await connectUntil('127.0.0.1', service.port, clock, never);
        probe.resume();
        if (closes) await once(probe.end(), 'close');
        assert.deepEqual(await source.observe(endpoints, never), { connections: 0 });
        probe.destroy();
        const client = await service.connect('127.0.0.1');
        if (!closes) assert.equal((await source.observe(endpoints, never)).connections, 1);
        client.destroy();
        await source.close();
      }
    }
  });

  it('are not seen of programs without a known port, without an address, and in another network', async function () {
    const source = new ProcessActivity(new SystemClock());
    const endpoints: ServiceEndpoints = {
      ...{ unikernel: 'web', machine: 'id', addresses: ['127.0.0.1'], macs: [], rules: RULES },
      ports: [{ protocol: 'tcp', port: 80 }],
    };
    assert.equal(source.sees({ ...endpoints, domainId: process.pid }), true);
    assert.equal(source.sees({ ...endpoints, ports: [{ protocol: 'udp', port: 80 }] }), false);
    assert.equal(source.sees({ ...endpoints, addresses: [] }), false);
    await using namespace = await NetworkNamespace.create(this);
    const child = namespace.spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      // `ip netns exec` moves there before it executes the program.
      while (source.sees({ ...endpoints, domainId: child.pid }))
        await new Promise((resolve) => setTimeout(resolve, 10));
      // As where Jitsu has given up root, and the program is of another user.
      process.seteuid?.(65_534);
      try {
        assert.equal(source.sees({ ...endpoints, domainId: child.pid }), false);
        assert.equal(source.sees({ ...endpoints, domainId: process.pid }), true);
      } finally {
        process.seteuid?.(0);
      }
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('are unknown, and not none, where the system does not tell them', async () => {
    const source = new ProcessActivity(new SystemClock(), undefined, async () => ({
      connectionsTo: () => {
        throw new Error('ENOBUFS');
      },
    }));
    const endpoints: ServiceEndpoints = {
      ...{ unikernel: 'web', machine: 'id', addresses: ['127.0.0.1'], macs: [], rules: RULES },
      ports: [{ protocol: 'tcp', port: 80 }],
    };
    await assert.rejects(
      source.observe(endpoints, never),
      /^JitsuError: The connections to web are not known: ENOBUFS/,
    );
  });
});

describe('the datagrams to programs for which Jitsu listens', () => {
  const clock = new SystemClock();
  const id = '01234567-89ab-4def-8123-456789abcdef';
  let listeners: HeldListeners;
  let port: number;

  before(async function () {
    await NativeListeningSockets.load().then(
      (ways) => ways.close(),
      () => cannotRun(this, 'it needs Linux and koffi'),
    );
  });

  async function hold(load?: () => Promise<NodeListeningSockets>): Promise<void> {
    port = await freePort();
    listeners = new HeldListeners(clock, new MemoryLogger(), load);
    const confinement = { listen: listenOption.parse([`udp:${port}`, `tcp:${port}`]) };
    await listeners.open({ id, name: 'web', ip: ['127.0.0.1'], confinement });
  }

  const udp = () => listeners.of(id)?.find(({ protocol }) => protocol === 'udp') ?? assert.fail('there is none');

  /** Sends one, and reads it as the program does, whose socket it is as well. */
  async function exchange(): Promise<void> {
    const client = createSocket('udp4');
    await new Promise((resolve) => client.send('hello', port, '127.0.0.1', resolve));
    client.close();
    while (udp().waiting() === 0) await new Promise(setImmediate);
    udp().refuse(1);
  }

  const endpoints = (protocols: readonly ('tcp' | 'udp')[] = ['udp']): ServiceEndpoints => {
    const ports = protocols.map((protocol) => ({ protocol, port }));
    return { unikernel: 'web', machine: id, addresses: ['127.0.0.1'], ports, macs: [], rules: RULES };
  };

  describeActivitySource('the activity of processes, by the sockets of Jitsu,', {
    source: () => new ProcessActivity(clock, listeners),
    setUp: () => hold(),
    tearDown: () => listeners.close(),
    seen: () => endpoints(),
    unseen: () => ({ ...endpoints(), machine: 'another' }),
    now: () => clock.now(),
    send: exchange,
    breakDown: () => listeners.close(),
  });

  it('count beside connections, and by when they came, however late they are asked for', async () => {
    await hold();
    const source = new ProcessActivity(clock, listeners);
    try {
      const both = endpoints(['tcp', 'udp']);
      assert.deepEqual(await source.observe(both, never), { connections: 0, lastPacket: -Infinity });
      const before = clock.now();
      await exchange();
      const after = clock.now();
      await clock.sleep(100);
      for (const seen of [both, endpoints(['tcp']), endpoints()]) {
        const { lastPacket = NaN } = await source.observe(seen, never);
        // The wall clock tells whole milliseconds, and may be adjusted.
        assert.ok(lastPacket > before - 20 && lastPacket < after + 20, `${before} ${lastPacket} ${after}`);
      }
    } finally {
      await source.close();
      listeners.close();
    }
  });

  it('are unknown, and not none, without koffi', async () => {
    await hold(() => Promise.resolve(new NodeListeningSockets()));
    const source = new ProcessActivity(clock, listeners);
    try {
      assert.equal(source.sees(endpoints()), false);
      assert.deepEqual(await source.observe(endpoints(['tcp', 'udp']), never), { connections: 0 });
    } finally {
      await source.close();
      listeners.close();
    }
  });
});
