import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import { Gate } from '#netfilter/gate/gate.js';
import { HOLD_LIMITS } from '#netfilter/gate/held-packets.js';
import type { GuardedService, Report } from '#netfilter/gate/messages.js';
import type { PacketHold } from '#netfilter/gate/packet-hold.js';
import { endpointOf, type StoppedEndpoint } from '#netfilter/netlink/endpoint.js';
import type { Rung } from '#netfilter/netlink/netfilter.js';
import { readAddress } from '#netfilter/netlink/read-address.js';
import { aPacket, type PacketParts } from '../../../support/netfilter/a-packet.js';

type Knock = Extract<Report, { readonly from: string }>;

/** What a kernel would do. */
class RecordingHold implements PacketHold<number> {
  rung: Rung = 'nft queue';
  readonly done: string[] = [];
  /** Each list of endpoints whose connections are forgotten. */
  readonly forgotten: string[] = [];
  sends = true;
  readonly sent: Buffer[] = [];
  failure: Error | undefined;

  arm(endpoints: readonly StoppedEndpoint[]): void {
    if (this.failure !== undefined) throw this.failure;
    for (const { key, connections } of endpoints) this.done.push(`arm ${textOfKey(key)} ${connections}`);
  }

  disarm(keys: readonly string[]): void {
    for (const key of keys) this.done.push(`disarm ${textOfKey(key)}`);
  }

  deliver(packets: readonly number[]): void {
    this.#note('deliver', packets);
  }

  refuse(packets: readonly number[]): void {
    this.#note('refuse', packets);
  }

  send(packet: Buffer): void {
    this.sent.push(packet);
  }

  forgetConnections(keys: ReadonlySet<string>): void {
    this.forgotten.push([...keys].map(textOfKey).join(', '));
  }

  drop(packets: readonly number[]): void {
    this.#note('drop', packets);
  }

  #note(what: string, packets: readonly number[]): void {
    if (packets.length > 0) this.done.push(`${what} ${packets.join(' ')}`);
  }
}

function textOfKey(key: string): string {
  const { protocol, port, address } = endpointOf(key);
  return `${protocol}/${port} ${address}`;
}

const www: GuardedService = {
  unikernel: 'www',
  addresses: ['10.77.0.80'],
  ports: ['tcp/80', 'udp/53'],
  connections: 'refuse',
};

describe('the gate', () => {
  let hold: RecordingHold;
  let reports: Report[];
  let gate: Gate<number>;
  let count: number;

  const knocks = (): Knock[] => reports.filter((report) => 'from' in report);
  const take = (parts: PacketParts = {}): number => {
    count += 1;
    gate.take(count, aPacket(parts));
    return count;
  };
  /** What has been done since the last call. */
  const done = (): string[] => hold.done.splice(0);

  const gateWith = (limits = HOLD_LIMITS, isAllowed?: (address: string) => boolean): void => {
    hold = new RecordingHold();
    reports = [];
    count = 0;
    gate = new Gate(hold, (report) => reports.push(report), isAllowed, limits);
  };

  beforeEach(() => gateWith());
  // Its timer ends when nothing is held.
  afterEach(() => gate.release('www', 'deliver'));

  it('arms again what has another MAC than before, and nothing that is as it was', () => {
    const macs: (string | undefined)[] = [];
    hold.arm = (endpoints) => void macs.push(...endpoints.map(({ mac }) => mac));
    const service = { ...www, ports: ['tcp/80'] };
    for (const mac of ['02:00:00:00:00:80', '02:00:00:00:00:80', '02:00:00:00:00:81']) gate.arm([{ ...service, mac }]);
    assert.deepEqual(macs, ['020000000080', '020000000081']);
  });

  it('arms each port at each address', () => {
    gate.arm([{ ...www, addresses: ['10.77.0.80', 'fd77::80'] }]);
    assert.deepEqual(done(), [
      'arm tcp/80 0a4d0050 refuse',
      'arm tcp/80 fd770000000000000000000000000080 refuse',
      'arm udp/53 0a4d0050 refuse',
      'arm udp/53 fd770000000000000000000000000080 refuse',
    ]);
  });

  it('arms nothing twice, and takes over what has changed', () => {
    gate.arm([www]);
    done();
    gate.arm([www]);
    assert.deepEqual(done(), []);
    gate.arm([{ ...www, ports: ['tcp/80'], addresses: ['10.77.0.81'], connections: 'hold' }]);
    assert.deepEqual(done(), ['arm tcp/80 0a4d0051 hold', 'disarm tcp/80 0a4d0050', 'disarm udp/53 0a4d0050']);
    gate.arm([{ ...www, ports: ['tcp/80'], addresses: ['10.77.0.81'], connections: 'pass' }]);
    assert.deepEqual(done(), ['arm tcp/80 0a4d0051 pass']);
    gate.arm([{ ...www, ports: ['tcp/80'], addresses: ['10.77.0.81'], connections: 'refuse' }]);
    assert.deepEqual(done(), ['arm tcp/80 0a4d0051 refuse']);
    assert.equal(hold.forgotten.at(-1), 'tcp/80 0a4d0051');
  });

  it('answers keep-alives in place of a machine that is suspended, and wakes it by payload alone', () => {
    const ACK = 0x10;
    gate.arm([{ ...www, connections: 'hold' }]);
    done();
    take({ flags: ACK });
    take({ flags: ACK, sourcePort: 40_001, payload: Buffer.from([0]) });
    assert.deepEqual(done(), ['drop 1', 'drop 2']);
    assert.equal(hold.sent.length, 2);
    assert.deepEqual(reports, []);
    take({ flags: ACK, sequence: 2, payload: Buffer.from('more') });
    assert.equal(knocks().length, 1);
    done();
    take({ flags: ACK, sourcePort: 40_001, payload: Buffer.from([0]) });
    assert.deepEqual(done(), [], 'a byte whose client does not take the answer for one is held');
    take({ flags: ACK | 0x01, source: '192.0.2.8' });
    assert.equal(knocks().length, 2, 'the end of a connection');
    assert.equal(hold.sent.length, 2);
  });

  it('has a machine answer its keep-alives itself where nobody can in its place', () => {
    hold.sends = false;
    gate.arm([{ ...www, connections: 'hold' }]);
    take({ flags: 0x10 });
    assert.equal(knocks().length, 1);
    assert.equal(hold.sent.length, 0);
  });

  it('lets keep-alives pass to what runs, and refuses them where their connections have ended', () => {
    gate.arm([{ ...www, connections: 'pass' }]);
    take({ flags: 0x10 });
    gate.arm([www]);
    done();
    take({ flags: 0x10 });
    assert.deepEqual(done(), ['refuse 2']);
    assert.deepEqual([hold.sent, reports], [[], []]);
  });

  it('lets pass what is said to a machine that ends, and refuses the last of each connection when it has', () => {
    const ACK = 0x18;
    const draining = {
      ...www,
      ports: ['tcp/80'],
      addresses: ['10.77.0.80', 'fd77::80'],
      connections: 'drain',
    } as const;
    gate.arm([draining]);
    done();
    take({ flags: ACK, acknowledged: 7 });
    take({ flags: ACK, acknowledged: 0xffff_fffe, sequence: 2 });
    take({ flags: ACK, acknowledged: 9, source: 'fd77::9', destination: 'fd77::80', sourcePort: 40_001 });
    assert.deepEqual(done(), ['deliver 1', 'deliver 2', 'deliver 3']);
    assert.deepEqual([hold.sent, reports], [[], []]);
    gate.arm([{ ...draining, connections: 'refuse' }]);
    const RST = 0x04;
    const back = { flags: RST, sourcePort: 80 };
    assert.deepEqual(
      hold.sent.map((packet) => packet.toString('hex')),
      [
        aPacket({
          ...{ ...back, source: '10.77.0.80', destination: '192.0.2.7', port: 40_000, sequence: 0xffff_fffe },
        }).toString('hex'),
        aPacket({ ...back, source: 'fd77::80', destination: 'fd77::9', port: 40_001, sequence: 9 }).toString('hex'),
      ],
    );
    assert.equal(hold.forgotten.at(-1), 'tcp/80 0a4d0050, tcp/80 fd770000000000000000000000000080');
    done();
    take({ flags: ACK });
    assert.deepEqual(done(), ['refuse 4']);
    gate.arm([draining]);
    gate.arm([{ ...draining, connections: 'refuse' }]);
    assert.equal(hold.sent.length, 2, 'nobody is told twice');
  });

  it('tells nobody of the end of a machine that goes on, or where it cannot send anything', () => {
    gate.arm([{ ...www, connections: 'drain' }]);
    take({ flags: 0x18 });
    gate.arm([{ ...www, connections: 'pass' }]);
    gate.arm([www]);
    assert.deepEqual(hold.sent, []);
    for (const change of [{ sends: false }, { sends: true, rung: 'NFLOG' }] as const) {
      Object.assign(hold, change);
      gate.arm([www]);
      done();
      gate.arm([{ ...www, connections: 'drain' }]);
      assert.deepEqual(done(), ['arm tcp/80 0a4d0050 pass', 'arm udp/53 0a4d0050 pass']);
    }
  });

  it('holds a packet, reports its client, and delivers it at the release, when the kernel holds nothing any more', () => {
    gate.arm([www]);
    done();
    const packet = take();
    assert.deepEqual(knocks(), [{ knock: 1, unikernel: 'www', protocol: 'tcp', port: 80, from: '192.0.2.7' }]);
    gate.answer(1, 'hold');
    assert.deepEqual(done(), []);
    gate.release('www', 'deliver');
    assert.deepEqual(done(), ['disarm tcp/80 0a4d0050', 'disarm udp/53 0a4d0050', `deliver ${packet}`]);
    assert.equal(gate.held, 0);
  });

  it('delivers at once what comes after the release', () => {
    gate.arm([www]);
    gate.release('www', 'deliver');
    done();
    const late = take();
    assert.deepEqual(done(), [`deliver ${late}`]);
    assert.deepEqual(knocks(), []);
  });

  it('reports a client once, while its packets are held', () => {
    gate.arm([www]);
    take();
    take({ sourcePort: 40_001 });
    gate.answer(1, 'hold');
    take({ sourcePort: 40_002 });
    assert.equal(knocks().length, 1);
    take({ source: '192.0.2.8' });
    assert.deepEqual(
      knocks().map(({ from }) => from),
      ['192.0.2.7', '192.0.2.8'],
    );
  });

  for (const verdict of ['refuse', 'drop'] as const) {
    it(`ends what a client has sent by the verdict "${verdict}", and asks again for its next packet`, () => {
      gate.arm([www]);
      const packets = [take(), take({ sourcePort: 40_001 })];
      const other = take({ source: '192.0.2.8' });
      done();
      gate.answer(1, verdict);
      assert.deepEqual(done(), [`${verdict} ${packets.join(' ')}`]);
      take({ sourcePort: 40_003 });
      assert.equal(knocks().length, 3);
      gate.release('www', 'deliver');
      assert.ok(done().includes(`deliver ${other} 4`));
    });

    it(`ends what is held by the release "${verdict}", and stays armed`, () => {
      gate.arm([www]);
      const packet = take();
      gate.answer(1, 'hold');
      done();
      gate.release('www', verdict);
      assert.deepEqual(done(), [`${verdict} ${packet}`]);
      take();
      assert.equal(knocks().length, 2);
    });

    it(`keeps a packet whose knock has not been answered yet at the release "${verdict}"`, () => {
      gate.arm([www]);
      const packet = take();
      done();
      gate.release('www', verdict);
      assert.deepEqual(done(), []);
      gate.answer(1, 'hold');
      gate.release('www', 'deliver');
      assert.ok(done().includes(`deliver ${packet}`));
    });
  }

  it('holds the newest SYN of a connection in the place of the first, and drops those before', () => {
    gate.arm([www]);
    const first = take();
    const other = take({ sourcePort: 40_001 });
    done();
    const second = take();
    assert.deepEqual(done(), [`drop ${first}`]);
    const third = take();
    assert.deepEqual(done(), [`drop ${second}`]);
    take({ sequence: 2 });
    assert.equal(gate.held, 3);
    assert.equal(knocks().length, 1);
    gate.release('www', 'deliver');
    assert.ok(done().includes(`deliver ${third} ${other} 5`));
  });

  it('drops what else TCP sends again, which may be a part of what is held', () => {
    gate.arm([{ ...www, connections: 'hold' }]);
    const data = { flags: 0x18, payload: Buffer.from('more') };
    const first = take(data);
    done();
    const again = take(data);
    assert.deepEqual(done(), [`drop ${again}`]);
    gate.release('www', 'deliver');
    assert.ok(done().includes(`deliver ${first}`));
  });

  it('holds 8 datagrams of a flow, in order', () => {
    gate.arm([www]);
    const datagram = { protocol: 'udp', port: 53 } as const;
    const held = Array.from({ length: 8 }, () => take(datagram));
    done();
    const more = take(datagram);
    assert.deepEqual(done(), [`drop ${more}`]);
    gate.release('www', 'deliver');
    assert.ok(done().includes(`deliver ${held.join(' ')}`));
  });

  it('holds all of a client that connects every 5 ms while a unikernel boots for 5 s', () => {
    gate.arm([www]);
    done();
    for (let sourcePort = 1; sourcePort <= 1_000; sourcePort += 1) take({ sourcePort });
    assert.deepEqual(done(), []);
    assert.equal(gate.held, 1_000);
  });

  it('holds no more of one unikernel, or in all, than there is room for', () => {
    gateWith({ ...HOLD_LIMITS, perUnikernel: 3, inAll: 4 });
    gate.arm([www, { ...www, unikernel: 'db', addresses: ['10.77.0.81'] }]);
    done();
    for (let port = 1; port <= 4; port += 1) take({ sourcePort: port });
    assert.deepEqual(done(), ['drop 4']);
    take({ sourcePort: 1, destination: '10.77.0.81' });
    take({ sourcePort: 2, destination: '10.77.0.81' });
    assert.deepEqual(done(), ['drop 6']);
    gate.release('www', 'deliver');
    take({ sourcePort: 3, destination: '10.77.0.81' });
    assert.equal(gate.held, 2);
    gate.release('db', 'deliver');
  });

  it('holds the first packet of a unikernel, although others have all the room', () => {
    gateWith({ ...HOLD_LIMITS, inAll: 2 });
    const names = ['db', 'mail', 'news'];
    gate.arm([www, ...names.map((unikernel, at) => ({ ...www, unikernel, addresses: [`10.77.0.${at + 1}`] }))]);
    done();
    for (const sourcePort of [1, 2, 3]) take({ sourcePort });
    for (let host = 1; host <= 3; host += 1) take({ destination: `10.77.0.${host}` });
    assert.deepEqual(done(), ['drop 3', 'drop 6'], 'as many again at most');
    assert.deepEqual(new Set(knocks().map(({ unikernel }) => unikernel)), new Set(['www', 'db', 'mail']));
    for (const unikernel of names) gate.release(unikernel, 'deliver');
  });

  it('asks about no more than 128 clients of one unikernel at once', () => {
    gate.arm([www]);
    for (let number = 0; number < 200; number += 1) take({ source: `192.0.2.${number}` });
    assert.equal(knocks().length, 128);
    assert.equal(gate.held, 128);
  });

  it('drops what has been held for too long', async () => {
    gateWith({ ...HOLD_LIMITS, longest: 1 });
    gate.arm([www]);
    const packet = take();
    done();
    while (gate.held > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(done(), [`drop ${packet}`]);
  });

  it('arms no address that it was not told of in time, and all others of the same order', () => {
    gateWith(HOLD_LIMITS, (address) => address === readAddress('10.77.0.80'));
    const stranger = { ...www, unikernel: 'stranger', addresses: ['10.77.0.99'] };
    assert.throws(() => gate.arm([stranger, www]), { code: 'JITSU_DOORMAN_DENIED', message: /10\.77\.0\.99/ });
    assert.deepEqual(done(), ['arm tcp/80 0a4d0050 refuse', 'arm udp/53 0a4d0050 refuse']);
  });

  it('arms no address and port for two unikernels', () => {
    gate.arm([www]);
    assert.throws(() => gate.arm([{ ...www, unikernel: 'other' }]), {
      message: /other: www is armed at 10\.77\.0\.80, tcp\/80/,
    });
  });

  it('arms no address and port for two unikernels of the same order, and the first of them stays', () => {
    const other = { ...www, unikernel: 'other', ports: ['udp/53'] };
    assert.throws(() => gate.arm([www, other]), { message: /other: www is armed at 10\.77\.0\.80, udp\/53/ });
    assert.deepEqual(done(), ['arm tcp/80 0a4d0050 refuse', 'arm udp/53 0a4d0050 refuse']);
    take();
    assert.deepEqual(
      knocks().map(({ unikernel }) => unikernel),
      ['www'],
    );
  });

  it('is as before where the kernel refuses: what was armed stays so, and what was not may be armed by another', () => {
    gate.arm([www]);
    done();
    hold.failure = new Error('no room');
    const db = { ...www, unikernel: 'db', addresses: ['10.77.0.81'] };
    assert.throws(() => gate.arm([{ ...www, addresses: ['10.77.0.82'] }, db]), {
      code: 'JITSU_DOORMAN_FAILED',
      message: 'no room',
    });
    hold.failure = undefined;
    const passing = take({ destination: '10.77.0.82' });
    assert.deepEqual(done(), [`deliver ${passing}`]);
    take();
    assert.equal(knocks().length, 1);
    gate.arm([{ ...db, unikernel: 'other' }]);
    gate.release('www', 'deliver');
    assert.deepEqual(done().slice(-3, -1), ['disarm tcp/80 0a4d0050', 'disarm udp/53 0a4d0050']);
  });

  it('forgets at once what is tracked of the connections to all that have ended', () => {
    const both = [www, { ...www, unikernel: 'db', addresses: ['10.77.0.81'] }];
    gate.arm(both.map((service) => ({ ...service, connections: 'pass' })));
    assert.deepEqual(hold.forgotten, []);
    done();
    const { forgotten } = hold;
    hold.arm = (endpoints) => assert.ok(endpoints.length === 0 || forgotten.length === 0, 'before they are armed');
    gate.arm(both);
    const services = ['tcp/80 0a4d0050', 'udp/53 0a4d0050', 'tcp/80 0a4d0051', 'udp/53 0a4d0051'];
    assert.deepEqual(forgotten, [services.join(', ')]);
    gate.arm(both);
    assert.equal(forgotten.length, 1, 'once');
  });

  it('forgets them as well where a machine that ran, or was suspended, has ended by itself', () => {
    const service = { ...www, ports: ['tcp/80'] };
    gate.arm([service]);
    assert.deepEqual(hold.forgotten, ['tcp/80 0a4d0050'], 'it was not armed');
    gate.arm([{ ...service, connections: 'hold' }]);
    gate.arm([service]);
    assert.deepEqual(hold.forgotten, ['tcp/80 0a4d0050', 'tcp/80 0a4d0050'], 'its connections were held');
  });

  it('forgets those to very many at once, also of several orders, but of what is released meanwhile', async () => {
    const many = Array.from({ length: 200 }, (_, index) => ({
      ...www,
      unikernel: `www${index}`,
      addresses: [`10.78.0.${index}`],
      ports: ['tcp/80'],
    }));
    gate.arm(many.slice(0, 100));
    gate.arm(many.slice(100));
    assert.equal(hold.forgotten.length, 0, 'a list of all connections takes long');
    gate.release('www0', 'deliver');
    await eventually(() => assert.equal(hold.forgotten.length, 1));
    const forgotten = hold.forgotten.join().split(', ');
    assert.equal(forgotten.length, 199);
    assert.ok(!forgotten.includes('tcp/80 0a4e0000'));
  });

  it('knows the MAC of what is armed, until it is released', () => {
    gate.arm([{ ...www, mac: '02:00:00:00:00:80' }]);
    assert.equal(gate.macOf('0a4d0050')?.toString('hex'), '020000000080');
    gate.arm([{ ...www, mac: '02:00:00:00:00:81' }]);
    assert.equal(gate.macOf('0a4d0050')?.toString('hex'), '020000000081');
    gate.release('www', 'deliver');
    assert.equal(gate.macOf('0a4d0050'), undefined);
  });

  it('knows no MAC for an address that is not armed any more, or where the kernel has refused', () => {
    const service = { ...www, mac: '02:00:00:00:00:80' };
    const macs = (): (string | undefined)[] =>
      ['0a4d0050', '0a4d0051'].map((address) => gate.macOf(address)?.toString('hex'));
    gate.arm([service]);
    gate.arm([{ ...service, ports: ['tcp/80'] }]);
    assert.deepEqual(macs(), ['020000000080', undefined], 'one port fewer');
    hold.failure = new Error('no room');
    assert.throws(() => gate.arm([{ ...service, addresses: ['10.77.0.81'], mac: '02:00:00:00:00:81' }]));
    assert.deepEqual(macs(), ['020000000080', undefined]);
    hold.failure = undefined;
    gate.arm([{ ...service, addresses: ['10.77.0.81'] }]);
    assert.deepEqual(macs(), [undefined, '020000000080']);
    gate.arm([{ ...www, addresses: ['10.77.0.81'] }]);
    assert.deepEqual(macs(), [undefined, undefined]);
  });

  it('changes nothing for a unikernel or a knock that it does not know', () => {
    gate.release('www', 'deliver');
    gate.answer(7, 'drop');
    assert.deepEqual(done(), []);
  });

  it('delivers a packet that is none of those that it asked for', () => {
    gate.arm([www]);
    done();
    gate.take(1, Buffer.from([0x45, 0, 0]));
    gate.take(2, aPacket({ port: 81 }));
    assert.deepEqual(done(), ['deliver 1', 'deliver 2']);
  });
});
