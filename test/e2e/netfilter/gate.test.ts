import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { eventually } from '#core/testing/eventually.js';
import { aService } from '../../support/netfilter/a-service.js';
import {
  Client,
  GUEST,
  RoutedNetwork,
  TCP_PORT,
  type Guest,
  type LabDoorman,
} from '../../support/netfilter/routed-network.js';

/** When the kernel sends a first packet again, and some time for the work of a busy machine. */
const RETRANSMITTED = 2_500;

describe('the gate of the netfilter plugin', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;
  let doorman: LabDoorman;
  let client: Client;
  let guest: Guest;

  before(async function () {
    network = await RoutedNetwork.create(this);
    client = await network.startClient('routed');
    guest = await network.startGuest();
  });
  after(() => network[Symbol.asyncDispose]());

  const bootAndRelease = async (by: LabDoorman): Promise<void> => {
    await guest.boot(50);
    await by.order({ probe: [[GUEST.ipv4], TCP_PORT] });
    await by.order({ release: ['www', 'deliver'] });
  };

  const gatePid = async (): Promise<number> => {
    const pids = (await network.host.run('ip', 'netns', 'pids', network.host.name))
      .split('\n')
      .filter((pid) => pid !== '');
    const found = pids.find(
      (pid) => commandOf(pid).includes('gate-program.js') && readlinkSync(`/proc/${pid}/exe`) === process.execPath,
    );
    assert.ok(found, 'there is a gate');
    return Number(found);
  };

  describe('that has root', () => {
    before(async () => {
      doorman = await network.startDoorman();
    });
    after(() => doorman.end());

    beforeEach(async () => {
      await guest.halt();
      await doorman.order({ arm: [aService()], verdict: 'hold' });
    });
    afterEach(() => doorman.order({ release: ['www', 'deliver'] }));

    it('has no right but those that it needs, and can start no program', async () => {
      const status = readFileSync(`/proc/${await gatePid()}/status`, 'latin1');
      const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1] ?? '';
      // CAP_NET_ADMIN and CAP_NET_RAW.
      for (const name of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.equal(field(name), '0000000000003000', name);
      assert.equal(field('NoNewPrivs'), '1');
      assert.doesNotMatch(field('Uid'), /^0\s/);
      assert.equal(field('Groups'), '');
      const limits = readFileSync(`/proc/${await gatePid()}/limits`, 'latin1');
      assert.match(limits, /^Max processes\s+0\s+0\s/m);
    });

    it('delivers to 200 clients at once, none of which waits for a retransmission', async () => {
      const begin = doorman.knocks.length;
      const connections = Array.from({ length: 200 }, () => client.tcp());
      await eventually(() => assert.equal(doorman.knocks.length, begin + 1));
      await bootAndRelease(doorman);
      const reports = await Promise.all(connections);
      assert.deepEqual(new Set(reports.map(({ error }) => error)), new Set([undefined]));
      const slowest = Math.max(...reports.map(({ took }) => took));
      const fastest = Math.min(...reports.map(({ took }) => took));
      assert.ok(slowest - fastest < 900, `${fastest} to ${slowest} ms`);
    });

    it('is started again when it dies, and holds for all that is armed', async () => {
      const before = await gatePid();
      process.kill(before, 'SIGKILL');
      await eventually(() =>
        assert.deepEqual(
          doorman.losses.slice(-2).map((loss) => loss === null),
          [false, true],
        ),
      );
      assert.notEqual(await gatePid(), before);
      const begin = doorman.knocks.length;
      const connection = client.tcp();
      await eventually(() => assert.equal(doorman.knocks.length, begin + 1));
      await bootAndRelease(doorman);
      const { error, took } = await connection;
      assert.equal(error, undefined);
      assert.ok(took < 900, `${took} ms`);
    });

    it('gives a client that it held when it died the retransmission of its packet', async () => {
      const begin = doorman.knocks.length;
      const connection = client.tcp();
      await eventually(() => assert.equal(doorman.knocks.length, begin + 1));
      process.kill(await gatePid(), 'SIGKILL');
      const booted = guest.boot(50);
      await booted;
      await eventually(() => assert.equal(doorman.losses.at(-1), null));
      await doorman.order({ release: ['www', 'deliver'] });
      const { error, took } = await connection;
      assert.equal(error, undefined);
      assert.ok(took < RETRANSMITTED, `${took} ms`);
    });

    it('holds packets of connections that live on, and refuses those of connections that have ended', async () => {
      await bootAndRelease(doorman);
      const kept = await client.hold();
      const ended = await client.hold();
      await doorman.order({ arm: [aService({ connections: 'hold' })] });
      await guest.suspend();
      const begin = doorman.knocks.length;
      const answer = kept.say();
      await eventually(() => assert.equal(doorman.knocks.length, begin + 1));
      await guest.resume();
      await doorman.order({ release: ['www', 'deliver'] });
      assert.equal((await answer).error, undefined);
      await doorman.order({ arm: [aService({ connections: 'refuse' })] });
      await guest.suspend();
      const { error, took } = await ended.say();
      assert.equal(error, 'ECONNRESET');
      assert.ok(took < 100, `${took} ms`);
      assert.equal(doorman.knocks.length, begin + 1);
      await guest.resume();
    });

    it('lets packets of connections pass while their machine still runs', async () => {
      await bootAndRelease(doorman);
      const open = await client.hold();
      await doorman.order({ arm: [aService({ connections: 'pass' })] });
      const begin = doorman.knocks.length;
      assert.equal((await open.say()).error, undefined);
      assert.equal(doorman.knocks.length, begin);
    });

    it('knows of connections in use and of the last packet, and not by what probes do', async () => {
      await bootAndRelease(doorman);
      const service = aService({ rules: { idle: 1_000, outgoing: false, conntrack: false, ignored: [] } });
      await doorman.order({ watch: [service] });
      await doorman.order({ probe: [[GUEST.ipv4], TCP_PORT] });
      assert.equal((await doorman.observe(service)).connections, 0);
      const open = await client.hold();
      assert.equal((await open.say()).error, undefined);
      // The gate tells how old a packet is, so its time is late by as much as the answer takes.
      const observe = async () => {
        const begin = performance.now();
        const traffic = await doorman.observe(service);
        return { ...traffic, late: performance.now() - begin };
      };
      const { connections, detail, lastPacket = 0, late } = await observe();
      assert.equal(connections, 1);
      assert.equal(detail, 'a connection, from 10.78.0.2');
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      const later = await observe();
      assert.equal(later.connections, 0);
      const apart = (later.lastPacket ?? 0) - lastPacket;
      assert.ok(
        Math.abs(apart) < 100 + Math.max(late, later.late),
        `${apart} ms apart, ${late} and ${later.late} late`,
      );
    });

    it('says that it cannot know what has been idle for longer than it remembers', async () => {
      const service = aService({ rules: { idle: 7_200_000, outgoing: false, conntrack: false, ignored: [] } });
      await assert.rejects(doorman.observe(service), /60 minutes.*traffic\.idle/);
    });

    it('wakes for no port but those that are declared', async () => {
      const begin = doorman.knocks.length;
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => client.tcp(GUEST.ipv4, { port: 1_000 + index, limit: 300 })),
      );
      assert.equal(doorman.knocks.length, begin);
    });

    it('says which Jitsu of this host has armed an address already', async () => {
      const other = await network.startDoorman();
      try {
        await assert.rejects(other.order({ arm: [aService({ unikernel: 'mine' })] }), (error: Error) => {
          assert.match(error.message, /10\.77\.0\.80/);
          assert.match(error.message, new RegExp(`\\bjitsu_${doorman.process.pid}\\b`));
          return true;
        });
      } finally {
        await other.end();
      }
    });

    it('holds again for all but what another Jitsu has armed while it was dead', async () => {
      const other = await network.startDoorman();
      try {
        await doorman.order({ arm: [aService({ unikernel: 'db', addresses: ['10.77.0.81'] })] });
        process.kill(await gatePidOf(doorman), 'SIGKILL');
        await eventually(() => other.order({ arm: [aService({ unikernel: 'mine' })] }));
        await eventually(() => assert.equal(doorman.losses.at(-1), null));
        const begin = doorman.knocks.length;
        const connection = client.tcp('10.77.0.81', { limit: 2_000 });
        await eventually(() => assert.equal(doorman.knocks.length, begin + 1));
        assert.equal(doorman.knocks.at(-1)?.unikernel, 'db');
        await doorman.order({ release: ['db', 'refuse'] });
        assert.equal((await connection).error, 'ECONNREFUSED');
      } finally {
        await doorman.order({ release: ['db', 'deliver'] });
        await other.end();
      }
    });

    it('arms nothing that it was not told of before Jitsu gave up root, not even after its death', async () => {
      const other = await network.startDoorman();
      try {
        const known = aService({ unikernel: 'known', addresses: ['10.77.0.81'] });
        const unknown = aService({ unikernel: 'unknown', addresses: ['10.77.0.82'] });
        await other.order({ beforeDrop: [known] });
        await other.order({ arm: [known] });
        await assert.rejects(other.order({ arm: [unknown] }), /10\.77\.0\.82/);
        const pids = [await gatePidOf(other)];
        process.kill(pids[0] as number, 'SIGKILL');
        await eventually(() => assert.equal(other.losses.at(-1), null));
        await other.order({ beforeDrop: [unknown] });
        await assert.rejects(other.order({ arm: [unknown] }), /10\.77\.0\.82/);
        await other.order({ arm: [known] });
      } finally {
        await other.end();
      }
    });
  });

  const gatePidOf = async (by: LabDoorman): Promise<number> => {
    const pids = (await network.host.run('ip', 'netns', 'pids', network.host.name))
      .split('\n')
      .filter((pid) => pid !== '');
    const found = pids.find((pid) => {
      if (!commandOf(pid).includes('gate-program.js') || readlinkSync(`/proc/${pid}/exe`) !== process.execPath)
        return false;
      return parentOf(parentOf(Number(pid))) === by.process.pid;
    });
    assert.ok(found, 'there is a gate');
    return Number(found);
  };

  describe('beside a firewall', () => {
    it('holds nothing that the firewall drops, and delivers what it lets pass', async () => {
      const firewall = await network.startFirewall();
      const beside = await network.startDoorman();
      try {
        await guest.halt();
        const ports = [80, 81].map((port) => ({ protocol: 'tcp', port }) as const);
        await beside.order({ arm: [aService({ ports })] });
        assert.equal((await client.tcp(GUEST.ipv4, { port: 81, limit: 500 })).error, 'timeout');
        assert.deepEqual(beside.knocks, []);
        const connection = client.tcp();
        await eventually(() => assert.equal(beside.knocks.length, 1));
        await bootAndRelease(beside);
        const { error, took } = await connection;
        assert.equal(error, undefined);
        assert.ok(took < 900, `${took} ms`);
      } finally {
        await beside.end();
        firewall.process.kill('SIGKILL');
      }
    });

    it('goes on when all tables are flushed', async () => {
      const firewall = await network.startFirewall();
      const beside = await network.startDoorman();
      try {
        await guest.halt();
        await beside.order({ arm: [aService()] });
        firewall.process.kill('SIGKILL');
        const other = await network.startFirewall();
        assert.equal(await other.flush(), 'all');
        const connection = client.tcp();
        await eventually(() => assert.equal(beside.knocks.length, 1));
        await bootAndRelease(beside);
        assert.equal((await connection).error, undefined);
        other.process.kill('SIGKILL');
      } finally {
        await beside.end();
      }
    });
  });

  describe('of a Jitsu that is no root', () => {
    const asUser = (...capabilities: string[]): string[] => {
      const all = ['-all', ...capabilities.map((name) => `+${name}`)].join();
      const user = ['--reuid=65519', '--regid=65519', '--clear-groups'];
      return ['setpriv', ...user, `--inh-caps=${all}`, `--ambient-caps=${all}`, `--bounding-set=${all}`];
    };

    it('works with CAP_NET_ADMIN alone, and knows probes by their mark', async () => {
      const user = await network.startDoorman({}, asUser('net_admin'));
      try {
        await guest.halt();
        await user.order({ arm: [aService()] });
        const connection = client.tcp();
        await eventually(() => assert.equal(user.knocks.length, 1));
        await bootAndRelease(user);
        assert.equal((await connection).error, undefined);
        assert.equal(user.knocks.length, 1);
      } finally {
        await user.end();
      }
    });

    it('lets the packets of other users of this host pass where they are those of probes, and no others', async () => {
      const started: Client[] = [];
      const clientOf = async (user: string): Promise<Client> => {
        const through = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
        started.push(new Client(await network.start(network.host, 'client-program', [], through)));
        return started.at(-1)!;
      };
      const beside = await network.startDoorman({ probeUsers: [65_517] });
      try {
        const [prober, stranger] = [await clientOf('65517'), await clientOf('65518')];
        await guest.halt();
        await guest.boot(0);
        await beside.order({ arm: [aService()] });
        assert.equal((await prober.tcp()).error, undefined);
        assert.equal((await prober.udp()).error, undefined);
        assert.deepEqual(beside.knocks, []);
        const connection = stranger.tcp();
        await eventually(() => assert.equal(beside.knocks.length, 1));
        await beside.order({ release: ['www', 'deliver'] });
        assert.equal((await connection).error, undefined);
      } finally {
        for (const { process: child } of started) child.kill('SIGKILL');
        await beside.end();
        await guest.halt();
      }
    });

    it('says what to give where it has no rights', async () => {
      await assert.rejects(network.startDoorman({}, asUser()), /AmbientCapabilities=CAP_NET_ADMIN/);
    });

    it('says what to give where it is to answer on a bridge, or to copy packets, without CAP_NET_RAW', async () => {
      for (const options of [{ bridges: ['br0'] }, { rungs: ['NFLOG'] }]) {
        await assert.rejects(network.startDoorman(options, asUser('net_admin')), /CAP_NET_RAW/);
      }
    });
  });

  it('goes on to hold packets, on however many bridges it answers', async () => {
    const others = ['br1', 'br2', 'br3', 'br4', 'br5'];
    for (const name of others) {
      await network.host.run('ip', 'link', 'add', name, 'type', 'bridge');
      await network.host.run('ip', 'link', 'set', name, 'up');
    }
    const busy = await network.startDoorman({ bridges: ['br0', ...others] });
    try {
      for (let count = 1; count <= 3; count += 1) {
        await guest.halt();
        await busy.order({ arm: [aService()] });
        const connection = client.tcp();
        await eventually(() => assert.equal(busy.knocks.length, count));
        await bootAndRelease(busy);
        assert.equal((await connection).error, undefined);
      }
    } finally {
      await busy.end();
      for (const name of others) await network.host.run('ip', 'link', 'delete', name);
    }
  });

  it('leaves nothing behind when Jitsu is killed', async () => {
    const killed = await network.startDoorman({ bridges: ['br0'] });
    await guest.halt();
    await killed.order({ arm: [aService()] });
    const connection = client.tcp();
    await eventually(() => assert.equal(killed.knocks.length, 1));
    const { tables, queues } = await network.held();
    // One for IP, and one for what crosses bridges.
    assert.equal(tables.length, 2);
    assert.deepEqual(queues, [1]);
    killed.process.kill('SIGKILL');
    await guest.boot(50);
    const { error, took } = await connection;
    assert.equal(error, undefined);
    assert.ok(took < RETRANSMITTED, `${took} ms`);
    assert.deepEqual(await network.held(), { tables: [], queues: [] });
    await eventually(async () => assert.equal(await network.guest.run('ip', 'netns', 'pids', network.host.name), ''));
  });

  it('leaves nothing behind when Jitsu ends', async () => {
    const ended = await network.startDoorman();
    await ended.order({ arm: [aService()] });
    await ended.order({ close: true });
    assert.deepEqual(await network.held(), { tables: [], queues: [] });
    ended.process.kill('SIGKILL');
  });
});

function commandOf(pid: string | number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
