import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NativeSocketsUnavailable } from '#core/net/socket-calls.js';
import { chooseUdpTransport, insteadOfMmsg, Listeners } from '#core/dns/transport/listeners.js';
import { DgramTransport } from '#core/dns/transport/dgram-transport.js';
import { listenError } from '#core/dns/transport/listen-error.js';
import { MmsgTransport } from '#core/dns/transport/mmsg/mmsg-transport.js';
import { TcpListener } from '#core/dns/transport/tcp-listener.js';
import type { UdpContext } from '#core/dns/transport/udp-transport.js';
import { createPacketMemory } from '#core/dns/packet-cache/packet-memory.js';
import type { DnsSettings } from '#core/config/settings.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAccessControl } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { freePort } from '../../../support/free-port.js';
import { openFiles } from '../../../support/open-files.js';
import { requireMmsg, UDP_TRANSPORTS } from '../../../support/udp-transports.js';

const ABRUPT_END = fileURLToPath(new URL('../../../support/abrupt-end.js', import.meta.url));
const unavailable = new NativeSocketsUnavailable('koffi cannot be loaded: no such file');

describe('the choice of how datagrams are taken', () => {
  it('is by itself the fastest that the machine has', async () => {
    assert.equal((await chooseUdpTransport('auto', new DnsLog())).name, UDP_TRANSPORTS.at(-1));
    assert.equal((await chooseUdpTransport('dgram', new DnsLog())).name, 'dgram');
    const failing = async (): Promise<never> => Promise.reject(unavailable);
    assert.equal((await chooseUdpTransport('auto', new DnsLog(), failing)).name, 'dgram');
    await assert.rejects(chooseUdpTransport('mmsg', new DnsLog(), failing), { code: 'JITSU_LISTEN_FAILED' });
  });

  it('falls back to what Node can do, and the log says why', () => {
    const log = new DnsLog();
    assert.equal(insteadOfMmsg('auto', unavailable, log).name, 'dgram');
    assert.deepEqual(log.at('info'), ['datagrams are taken one by one (dgram): mmsg cannot be had here']);
    assert.deepEqual(log.entries[0]?.fields, { reason: 'koffi cannot be loaded: no such file' });
  });

  it('fails where mmsg is insisted on, and says why', () => {
    assert.throws(() => insteadOfMmsg('mmsg', unavailable, new DnsLog()), {
      code: 'JITSU_LISTEN_FAILED',
      message: /koffi cannot be loaded: no such file\. .*'auto'.*'dgram'/,
    });
  });

  it('hides no other failure', () => {
    const taken = new Error('EADDRINUSE');
    assert.throws(() => insteadOfMmsg('auto', taken, new DnsLog()), taken);
  });
});

describe('a process that takes datagrams by mmsg', function () {
  this.timeout(30_000);

  before(function () {
    requireMmsg(this);
  });

  it('ends at once when it ends without closing anything, by its own will or by a defect', async () => {
    const end = (how: string): Promise<unknown> => promisify(execFile)(process.execPath, [ABRUPT_END, how]);
    await assert.rejects(end('exit'), { code: 3 });
    await assert.rejects(end('throw'), { code: 1, stderr: /a defect/ });
  });
});

describe('the sockets that DNS listens on', () => {
  const opened: Listeners[] = [];
  let log: DnsLog;
  let clock: ManualClock;

  // Not every system has more loopback addresses than one, or counts open files.
  before(function () {
    requireMmsg(this);
  });

  beforeEach(() => {
    log = new DnsLog();
    clock = new ManualClock();
  });

  afterEach(async () => {
    mock.restoreAll();
    for (const listeners of opened.splice(0)) await listeners.close();
  });

  const open = async (settings: Partial<DnsSettings> = {}): Promise<Listeners> => {
    const context = {
      clock,
      logger: log,
      packets: createPacketMemory(16),
      access: anAccessControl(),
    };
    const listeners = await Listeners.open(dnsSettings(settings), (message) => message, context);
    opened.push(listeners);
    return listeners;
  };
  const inUse = listenError(
    'TCP',
    { address: '127.0.0.1', port: 1 },
    Object.assign(new Error(), { code: 'EADDRINUSE' }),
  );

  it('are one of UDP and one of TCP for each address, all on one port', async () => {
    const { endpoints } = await open({ bind: ['127.0.0.1', '127.0.0.2', '127.0.0.1'] });
    const port = endpoints[0]?.port ?? 0;
    assert.notEqual(port, 0);
    assert.deepEqual(endpoints, [
      { address: '127.0.0.1', port },
      { address: '127.0.0.2', port },
    ]);
    const message = Buffer.alloc(12);
    for (const { address } of endpoints) {
      const udp = createSocket('udp4');
      udp.send(message, port, address);
      assert.deepEqual(((await once(udp, 'message')) as [Buffer])[0], message);
      udp.close();
      const tcp = connect(port, address);
      tcp.write(Buffer.concat([Buffer.from([0, 12]), message]));
      assert.equal(((await once(tcp, 'data')) as [Buffer])[0].length, 14);
      tcp.destroy();
    }
  });

  it('are tried on 32 ports where the system chooses, and what was opened is closed each time', async () => {
    const opening = mock.method(TcpListener, 'open', async () => Promise.reject(inUse));
    const before = openFiles();
    await assert.rejects(open(), { code: 'JITSU_LISTEN_FAILED' });
    assert.equal(opening.mock.callCount(), 32);
    assert.equal(openFiles(), before);
    await assert.rejects(open({ port: await freePort() }), { code: 'JITSU_LISTEN_FAILED' });
    assert.equal(opening.mock.callCount(), 33, 'a port that was chosen is tried once');
    opening.mock.mockImplementation(async () => Promise.reject(new Error('no more files')));
    await assert.rejects(open(), /no more files/);
    assert.equal(opening.mock.callCount(), 34, 'no other port would help');
  });

  it('take datagrams one by one where the threads cannot be started', async () => {
    const opening = mock.method(MmsgTransport, 'open', async () => Promise.reject(unavailable));
    const listeners = await open({ transport: 'auto', forwarders: 'system' });
    assert.equal(listeners.udpTransport, 'dgram');
    assert.equal(log.at('info').length, 1);
    await assert.rejects(open({ transport: 'mmsg' }), { code: 'JITSU_LISTEN_FAILED' });
    const contexts = opening.mock.calls.map((call) => call.arguments[2] as unknown as UdpContext);
    assert.deepEqual(
      contexts.map(({ workers, recursionAvailable }) => [workers, recursionAvailable]),
      [
        [1, true],
        [1, false],
      ],
    );
  });

  it('have their threads go first only where a processor is left for the rest', async () => {
    const raised: boolean[] = [];
    mock.method(DgramTransport.prototype, 'prioritize', (first: boolean) => raised.push(first));
    const processors = availableParallelism();
    const all = await open({ workers: processors });
    all.prioritize(true);
    assert.deepEqual(raised, []);
    const both = await open({ workers: processors / 2, bind: ['127.0.0.1', '127.0.0.2'] });
    both.prioritize(true);
    assert.deepEqual(raised, []);
    const fewer = await open({ workers: processors - 1 });
    fewer.prioritize(true);
    await clock.advance(5);
    assert.deepEqual(raised, [true]);
    fewer.prioritize(false);
    await clock.advance(5);
    assert.deepEqual(raised, [true, false]);
  });

  it('let the priorities of their threads be for a boot that is over at once, and between two boots', async function () {
    if (availableParallelism() === 1) return;
    const raised: boolean[] = [];
    mock.method(DgramTransport.prototype, 'prioritize', (first: boolean) => raised.push(first));
    const listeners = await open({ workers: 1 });
    listeners.prioritize(true);
    await clock.advance(4);
    listeners.prioritize(false);
    await clock.advance(60_000);
    assert.deepEqual(raised, []);
    listeners.prioritize(true);
    await clock.advance(60_000);
    listeners.prioritize(false);
    await clock.advance(4);
    listeners.prioritize(true);
    await clock.advance(60_000);
    assert.deepEqual(raised, [true]);
    listeners.prioritize(false);
    await opened.pop()?.close();
    assert.equal(clock.pending, 0);
  });

  it('can refuse further connections while datagrams are still taken', async () => {
    const listeners = await open();
    const port = listeners.endpoints[0]?.port ?? 0;
    const early = connect(port, '127.0.0.1');
    await once(early, 'connect');
    listeners.stopAccepting();
    listeners.stopAccepting();
    const late = connect(port, '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
    early.write(Buffer.concat([Buffer.from([0, 12]), Buffer.alloc(12)]));
    assert.equal(((await once(early, 'data')) as [Buffer])[0].length, 14);
    const udp = createSocket('udp4');
    udp.send(Buffer.alloc(12), port, '127.0.0.1');
    await once(udp, 'message');
    udp.close();
    const gone = once(early.resume(), 'close');
    await listeners.close();
    await gone;
    opened.length = 0;
  });
});
