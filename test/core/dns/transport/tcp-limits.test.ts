import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { DnsClient } from '#core/contracts/resolver.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { frame } from '#core/dns/wire/frame-reader.js';
import { DescriptorBudget } from '#core/net/descriptor-budget.js';
import { TcpConnection } from '#core/dns/transport/tcp-connection.js';
import { TcpConnections } from '#core/dns/transport/tcp-connections.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { EVERY_CLIENT_WAKES } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { OtherEnd } from '../../../support/other-end.js';

const IDLE = 10_000;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Stage {
  readonly clock = new ManualClock();
  readonly access = new AccessControl(dnsSettings(), EVERY_CLIENT_WAKES, { clock: this.clock, logger: new DnsLog() });
  readonly connections: TcpConnections;
  private readonly answers: (() => void)[] = [];

  /** @param descriptors how many there may be, and are */
  constructor(
    limits: { tcpConnections: number; tcpConnectionsPerClient: number },
    ...descriptors: [number?, (() => number)?]
  ) {
    this.connections = new TcpConnections(limits, this.access, new DescriptorBudget(this.clock, ...descriptors));
  }

  /** Opens a connection, where there is room for it. */
  open(address: string): OtherEnd | undefined {
    const client: DnsClient = { address, port: 50_000, transport: 'tcp' };
    if (!this.connections.makeRoom(client)) return undefined;
    const end = new OtherEnd();
    const answer = (): Promise<Uint8Array> =>
      new Promise((resolve) => this.answers.push(() => resolve(new Uint8Array(1_000))));
    this.connections.add(new TcpConnection(end as unknown as Socket, client, answer, this.clock, IDLE));
    return end;
  }

  async answerAll(): Promise<void> {
    await settled();
    for (const answer of this.answers.splice(0)) answer();
    await settled();
  }
}

const query = frame(new Uint8Array(20));
const roomy = { tcpConnections: 100, tcpConnectionsPerClient: 100 };

describe('the limits of TCP', () => {
  it('close the oldest idle connection where no descriptor can be afforded, and refuse one where none is idle', async () => {
    const descriptors = 4;
    const stage = new Stage(roomy, 8, () => descriptors);
    const [first, second] = [stage.open('192.0.2.1'), stage.open('192.0.2.1')];
    second?.push(query);
    await settled();
    assert.deepEqual([first?.destroyed, second?.destroyed], [false, false]);
    const third = stage.open('192.0.2.2');
    assert.deepEqual([first?.destroyed, third?.destroyed], [true, false]);
  });

  it('close the oldest idle connection of a client that has too many, and none of another’s', async () => {
    const stage = new Stage({ tcpConnections: 10, tcpConnectionsPerClient: 2 });
    const other = stage.open('192.0.2.9');
    const [first, second, third] = [1, 2, 3].map(() => stage.open('192.0.2.1'));
    await settled();
    assert.deepEqual(
      [other, first, second, third].map((end) => end?.destroyed),
      [false, true, false, false],
    );
  });

  it('let a client have no more where all of its own wait, while others find room', async () => {
    const stage = new Stage({ tcpConnections: 10, tcpConnectionsPerClient: 2 });
    for (const end of [stage.open('2001:db8::1'), stage.open('2001:db8::2')]) end?.push(query);
    await settled();
    assert.equal(stage.open('2001:db8::3'), undefined, 'of the same /64');
    assert.notEqual(stage.open('2001:db8:0:1::1'), undefined);
    assert.equal(stage.access.refusals.counts.tcpConnectionsOfClient, 1);
  });

  it('give a place back when a connection closes', async () => {
    const stage = new Stage({ tcpConnections: 10, tcpConnectionsPerClient: 1 });
    const first = stage.open('192.0.2.1');
    first?.push(query);
    await settled();
    assert.equal(stage.open('192.0.2.1'), undefined);
    first?.destroy();
    await settled();
    assert.notEqual(stage.open('192.0.2.1'), undefined);
  });

  it('say so where all connections of all clients wait', async () => {
    const stage = new Stage({ tcpConnections: 1, tcpConnectionsPerClient: 1 });
    stage.open('192.0.2.1')?.push(query);
    await settled();
    assert.equal(stage.open('192.0.2.2'), undefined);
    assert.equal(stage.access.refusals.counts.tcpConnections, 1);
  });

  it('close a connection whose message takes longer than tcpIdle to arrive, though others of it wait or are answered', async () => {
    const stage = new Stage(roomy);
    const end = stage.open('192.0.2.1');
    end?.push(Buffer.concat([query, query.subarray(0, 5)]));
    await stage.answerAll();
    await stage.clock.advance(IDLE - 1);
    end?.push(query.subarray(5, 7));
    await settled();
    assert.equal(end?.destroyed, false);
    await stage.clock.advance(1);
    assert.equal(end?.destroyed, true);
  });

  it('count each message from its own beginning', async () => {
    const stage = new Stage(roomy);
    const end = stage.open('192.0.2.1');
    for (let round = 0; round < 5; round++) {
      end?.push(query.subarray(0, 5));
      await settled();
      await stage.clock.advance(IDLE / 2);
      end?.push(query.subarray(5));
      await settled();
    }
    assert.equal(end?.destroyed, false);
    end?.push(query.subarray(0, 1));
    await settled();
    await stage.clock.advance(IDLE);
    assert.equal(end?.destroyed, true);
    await settled();
    assert.equal(stage.access.refusals.counts.tcpSlow, 1);
  });

  it('close a connection whose answers have not moved for tcpIdle, and not one that reads slowly', async () => {
    const stage = new Stage(roomy);
    const [stuck, slow] = [stage.open('192.0.2.1'), stage.open('192.0.2.2')] as [OtherEnd, OtherEnd];
    for (const end of [stuck, slow]) end.push(Buffer.concat(Array<Uint8Array>(5).fill(query)));
    await stage.answerAll();
    // Others of theirs wait, so that they are not idle.
    for (const end of [stuck, slow]) end.push(query);
    await settled();
    for (let round = 0; round < 3; round++) {
      await stage.clock.advance(IDLE - 1);
      slow.leave.shift()?.();
      await settled();
      if (round === 0) assert.equal(stuck.destroyed, false);
    }
    assert.deepEqual([stuck.destroyed, slow.destroyed], [true, false]);
    assert.equal(stage.access.refusals.counts.tcpSlow, 1);
    slow.destroy();
  });

  it('keep no place for clients that have gone', async () => {
    const stage = new Stage(roomy);
    const ends = Array.from({ length: 20 }, (_, index) => stage.open(`192.0.2.${index}`));
    const sizes = (): unknown[] =>
      ['open', 'ofClient'].map((table) => (Reflect.get(stage.connections, table) as Map<unknown, unknown>).size);
    assert.deepEqual(sizes(), [20, 20]);
    for (const end of ends) end?.destroy();
    await settled();
    assert.deepEqual(sizes(), [0, 0]);
  });

  it('end all connections, and know when they are closed', async () => {
    const stage = new Stage(roomy);
    const [idle, waiting] = [stage.open('192.0.2.1'), stage.open('192.0.2.2')];
    waiting?.push(query);
    await settled();
    let isOver = false;
    const ending = stage.connections.end().then(() => (isOver = true));
    await settled();
    assert.deepEqual([idle?.destroyed, waiting?.destroyed, isOver], [true, false, false]);
    await stage.answerAll();
    waiting?.destroy();
    await ending;
    assert.equal(stage.access.refusals.counts.tcpSlow, 0);
  });

  it('close first what was not used for longest', async () => {
    const stage = new Stage({ tcpConnections: 2, tcpConnectionsPerClient: 2 });
    const [first, second] = [stage.open('192.0.2.1'), stage.open('192.0.2.2')];
    const [oldest] = (Reflect.get(stage.connections, 'open') as Map<TcpConnection, string>).keys();
    stage.connections.touch(oldest as TcpConnection);
    stage.open('192.0.2.3');
    assert.deepEqual([first?.destroyed, second?.destroyed], [false, true]);
    second?.destroy();
    await settled();
    // A connection that was closed for others is not brought back by what it still asks.
    first?.destroy();
    await settled();
    stage.connections.touch(oldest as TcpConnection);
    assert.equal((Reflect.get(stage.connections, 'open') as Map<TcpConnection, string>).size, 1);
  });

  it('count down a client that has others open', async () => {
    const stage = new Stage({ tcpConnections: 10, tcpConnectionsPerClient: 2 });
    const ends = [1, 2].map(() => stage.open('192.0.2.1'));
    for (const end of ends) end?.push(query);
    await settled();
    ends[0]?.destroy();
    await settled();
    assert.notEqual(stage.open('192.0.2.1'), undefined, 'one has gone');
    assert.notEqual(stage.open('192.0.2.1'), undefined, 'an idle one makes room');
    assert.equal(stage.access.refusals.counts.tcpConnectionsOfClient, 0);
  });

  it('take a client whose address is gone for one of its own', () => {
    const stage = new Stage({ tcpConnections: 10, tcpConnectionsPerClient: 1 });
    const [gone, other] = [stage.open(''), stage.open('192.0.2.1')];
    assert.deepEqual([gone?.destroyed, other?.destroyed], [false, false]);
  });
});
