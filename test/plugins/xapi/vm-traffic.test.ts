import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describeActivitySource } from '@jitsud/core/testing';
import type { Traffic } from '#core/contracts/activity-source.js';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';
import { SystemClock } from '#core/clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { recordedBytes } from '#xapi/recorded-bytes.js';
import { XapiBackend } from '#xapi/xapi-backend.js';
import { connectionOptions, xapiOptions } from '#xapi/xapi-options.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { PoolServer, type ServerSettings } from '../../support/xapi/pool-server.js';
import { makeCertificate } from '../../support/xapi/test-certificate.js';

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';
/** The time of the pool's hosts, in seconds: far from that of this machine, as a clock may be that nobody sets. */
const NOW = 1_900_000_002;

/** A pool with one VM that runs, of which bytes are counted. */
class CountedVm implements AsyncDisposable {
  private constructor(
    readonly server: PoolServer,
    readonly backend: XapiBackend,
    readonly logger: MemoryLogger,
    readonly clock: SystemClock,
  ) {}

  static async open(settings: ServerSettings = {}, certificate?: string): Promise<CountedVm> {
    const server = await PoolServer.start(settings);
    server.pool.time = () => NOW;
    server.pool.addVm('web', { macs: ['00:16:3e:00:00:01', '00:16:3e:00:00:02'] });
    server.pool.put('web', 'Running');
    const options = connectionOptions.parse({ connect: server.uri(), certificate, trafficThreshold: '60KiB' });
    const logger = new MemoryLogger();
    const clock = new SystemClock();
    const backend = new XapiBackend(options, logger, clock);
    await backend.connect();
    await backend.machine({ name: 'web', options: xapiOptions.parse({ name: 'web' }) });
    return new CountedVm(server, backend, logger, clock);
  }

  get endpoints(): ServiceEndpoints {
    return {
      ...{ unikernel: 'web', machine: String(this.server.pool.vm('web').record['uuid']) },
      ...{ addresses: ['192.0.2.7'], ports: [], macs: [] },
      rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
    };
  }

  /** Each of its two interfaces receives and sends so many bytes a second, in the steps that end so many seconds ago. */
  carries(rate: (ago: number) => number): void {
    this.server.pool.vm('web').habits.traffic = (end) => rate(NOW - end);
  }

  observe(): Promise<Traffic> {
    return this.backend.activity!.observe(this.endpoints, new AbortController().signal);
  }

  /** How long ago the last use was, in seconds. */
  async lastUse(): Promise<number> {
    const { lastPacket } = await this.observe();
    return Math.round((this.clock.now() - lastPacket!) / 1_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.close();
    await this.server[Symbol.asyncDispose]();
    assert.deepEqual(this.server.pool.refused, [], 'refused by the data model');
  }
}

describe('the bytes that a pool counts', () => {
  const folder = new TemporaryFolder();
  const pinned = folder.in('hosts.pem');

  after(() => folder[Symbol.dispose]());

  for (const [way, settings] of [
    ['over JSON-RPC', () => ({})],
    ['over XML-RPC', () => ({ speaks: 'xml-rpc' as const })],
    ['over TLS', (context: Mocha.Context) => ({ certificate: makeCertificate(context, 'xcp-ng') })],
  ] as const) {
    describe(way, () => {
      let set: ServerSettings;
      let vm: CountedVm;

      before(function () {
        set = settings(this);
        if (set.certificate) writeFileSync(pinned, set.certificate.cert);
      });

      describeActivitySource('of a VM', {
        setUp: async () => void (vm = await CountedVm.open(set, set.certificate && pinned)),
        tearDown: () => vm[Symbol.asyncDispose](),
        source: () => vm.backend.activity!,
        seen: () => vm.endpoints,
        unseen: () => ({ ...vm.endpoints, machine: '' }),
        now: () => vm.clock.now(),
        send: () => vm.carries((ago) => (ago < 10 ? 10_000 : 0)),
        breakDown: () => vm.server.faults.plan('/rrd_updates', { kind: 'status', status: 500 }),
      });
    });
  }

  describe('of a VM', () => {
    let vm: CountedVm;

    beforeEach(async () => void (vm = await CountedVm.open()));
    afterEach(() => vm[Symbol.asyncDispose]());

    it('are use from the threshold on, of all interfaces and both directions in a minute', async () => {
      // 4 columns of 256 bytes a second are 60 KiB a minute.
      vm.carries(() => 256);
      assert.deepEqual((await vm.observe()).detail, '61440 bytes a minute');
      assert.ok((await vm.lastUse()) <= 5);
      vm.carries(() => 255);
      assert.ok((await vm.lastUse()) > 7_000);
    });

    it('are known for ten minutes in steps of 5 s, and for two hours in those of a minute', async () => {
      vm.carries((ago) => (ago > 300 && ago <= 305 ? 10_000 : 0));
      // The minute in which they were ends later.
      assert.ok(Math.abs((await vm.lastUse()) - 250) <= 5, `${await vm.lastUse()}`);
      vm.carries((ago) => (ago > 3_000 && ago <= 3_060 ? 10_000 : 0));
      assert.ok(Math.abs((await vm.lastUse()) - 3_000) <= 120, `${await vm.lastUse()}`);
    });

    it('are enough where the VM has not run for a minute yet', async () => {
      const all = vm.server.pool.rrdUpdates.bind(vm.server.pool);
      vm.server.pool.rrdUpdates = (query) => {
        const said = JSON.parse(all(query)) as { data: { t: number }[] };
        return JSON.stringify({ ...said, data: said.data.filter(({ t }) => t > NOW - 30) });
      };
      assert.ok(Math.abs((await vm.lastUse()) - 30) <= 5);
    });

    it('are use where they are not known of a time', async () => {
      vm.carries((ago) => (ago > 300 && ago <= 305 ? Number.NaN : 0));
      assert.ok(Math.abs((await vm.lastUse()) - 302) <= 5);
    });

    it('are not known, and never none, where the host has no present figures', async () => {
      vm.carries((ago) => (ago < 5 ? Number.NaN : 0));
      assert.match(
        (await rejectsWithCode(vm.observe(), 'JITSU_BACKEND_FAILED')).message,
        /has no present figures of the interfaces/,
      );
    });

    it('are not known of a VM that does not run', async () => {
      vm.server.pool.put('web', 'Halted');
      await vm.backend.machine({ name: 'web', options: xapiOptions.parse({ name: 'web' }) });
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.match((await rejectsWithCode(vm.observe(), 'JITSU_BACKEND_FAILED')).message, /runs on no host/);
    });

    it('leave the session as it is when they are refused, are cut off, or come in another form', async () => {
      vm.server.faults.plan('/rrd_updates', { kind: 'status', status: 401 });
      assert.match(
        (await rejectsWithCode(vm.observe(), 'JITSU_BACKEND_FAILED')).message,
        /does not tell the traffic .* said 401 to \/rrd_upd/,
      );
      vm.server.faults.plan('/rrd_updates', { kind: 'cut', at: 'call' });
      assert.match((await rejectsWithCode(vm.observe(), 'JITSU_BACKEND_FAILED')).message, /does not tell the traffic/);
      vm.server.pool.rrdUpdates = () => '<xport></xport>';
      assert.match((await rejectsWithCode(vm.observe(), 'JITSU_BACKEND_FAILED')).message, /does not tell the traffic/);
      assert.equal(vm.server.pool.called('session.login_with_password'), 1);
      assert.deepEqual(
        vm.logger.lines.filter((line) => line.startsWith('warn')),
        [],
      );
    });

    it('say nothing of the session in what they say of a failure', async () => {
      vm.server.faults.plan('/rrd_updates', { kind: 'status', status: 401 });
      await assert.rejects(vm.observe(), (error: Error) => !error.message.includes('OpaqueRef:session'));
    });
  });

  it('are counted only where a threshold is configured', () => {
    const options = connectionOptions.parse({ connect: 'http://root@192.0.2.1' });
    assert.equal(new XapiBackend(options, new MemoryLogger(), new SystemClock()).activity, undefined);
  });
});

describe('what a host says of the traffic of its VMs', () => {
  const said = (values: string, legend = [`AVERAGE:vm:${UUID}:vif_0_rx`, `AVERAGE:vm:${UUID}:vif_0_tx`]): string =>
    `{"meta":{"start":1,"step":5,"end":10,"rows":2,"columns":2,"legend":${JSON.stringify(legend)}},
      "data":[{"t":10,"values":[${values}]},{"t":5,"values":[1.0,2.0]}]}`;

  it('is read from the oldest row on, with what is not known', () => {
    assert.deepEqual(recordedBytes(said('3.0,4.0'), UUID), {
      step: 5,
      rows: [
        { end: 5, bytes: 15 },
        { end: 10, bytes: 35 },
      ],
    });
    for (const values of ['NaN,4.0', '3,-nan', 'Infinity, 4', '"NaN","4.0"', '3.0', 'null,1']) {
      assert.equal(recordedBytes(said(values), UUID).rows[1]?.bytes, undefined, values);
    }
    assert.equal(recordedBytes(said('"3.0","4.0"'), UUID).rows[1]?.bytes, 35);
  });

  it('is refused where the VM is not in it, or another thing in its place', () => {
    const others = [`AVERAGE:vm:${UUID}:vif_0_rx_errors`, `AVERAGE:host:${UUID}:vif_0_rx`];
    assert.throws(() => recordedBytes(said('3.0,4.0', others), UUID), /no figures of its network interfaces/);
    for (const text of ['', '<xport/>', '[]', '{"meta":{"step":0,"legend":[]},"data":[]}']) {
      assert.throws(() => recordedBytes(text, UUID), text);
    }
  });
});
