import assert from 'node:assert/strict';
import type { PortEvents } from '#core/dns/forwarder/port-socket.js';
import type { PortSockets } from '#core/dns/forwarder/port-sockets.js';
import type { RandomSource } from '#core/dns/forwarder/random-source.js';
import { UdpPool } from '#core/dns/forwarder/udp-pool.js';
import type { Waiting } from '#core/dns/forwarder/waiting.js';

const ENDPOINT = { address: '192.0.2.53', port: 53 };

/** A socket that sends nothing; the test says what arrives. */
class FakePort {
  readonly sent: Uint8Array[] = [];
  closed = false;

  constructor(readonly events: PortEvents) {}

  send(message: Uint8Array): void {
    this.sent.push(Uint8Array.from(message));
  }

  close(): void {
    assert.equal(this.closed, false, 'a socket is closed once');
    this.closed = true;
  }
}

class FakePorts implements PortSockets {
  readonly opened: FakePort[] = [];
  declare turn?: number;

  open(_upstream: unknown, events: PortEvents): FakePort {
    const port = new FakePort(events);
    this.opened.push(port);
    return port;
  }
}

/** Counts up where an id is drawn, unless told which come next; every port is the first. */
class FakeRandom implements Pick<RandomSource, 'uint16' | 'below'> {
  readonly ids: number[] = [];
  readonly ports: number[] = [];
  private count = 0;

  uint16(): number {
    return this.ids.shift() ?? this.count++;
  }

  below(): number {
    return this.ports.shift() ?? 0;
  }
}

class Query implements Waiting {
  readonly heardOf: string[] = [];
  readonly message = new Uint8Array(20);

  heard(message: Uint8Array): void {
    this.heardOf.push(`message ${(message[0] as number) * 256 + (message[1] as number)}`);
  }

  suspect(): void {
    this.heardOf.push('foreign');
  }

  lost(reason: Error): void {
    this.heardOf.push(reason.message);
  }
}

describe('the ports by which one upstream is asked', () => {
  let ports: FakePorts;
  let random: FakeRandom;
  let pool: UdpPool;

  beforeEach(() => {
    [ports, random] = [new FakePorts(), new FakeRandom()];
    pool = new UdpPool(ENDPOINT, random as unknown as RandomSource, ports);
  });

  const answer = (id: number): Uint8Array => Uint8Array.of(id >> 8, id & 0xff, ...new Uint8Array(18));
  const ask = (now = 0) => {
    const query = new Query();
    const socket = pool.pick(now);
    const id = socket.ask(query.message, query);
    return { query, id, socket, release: () => socket.release(id) };
  };

  it('are left after 512 queries, though all of them have been answered', () => {
    for (let count = 0; count < 512; count++) ask().release();
    assert.equal(ports.opened.length, 1);
    ask().release();
    assert.equal(ports.opened.length, 2);
    assert.deepEqual(
      ports.opened.map(({ sent }) => sent.length),
      [512, 1],
    );
  });

  it('are left after 30 s', () => {
    ask(0).release();
    ask(29_999).release();
    assert.equal(ports.opened.length, 1);
    ask(30_000).release();
    assert.equal(ports.opened.length, 2);
  });

  it('are closed when they are left, at once where nobody waits there', () => {
    ask(0).release();
    ask(30_000);
    assert.deepEqual(
      ports.opened.map(({ closed }) => closed),
      [true, false],
    );
  });

  it('are closed when they are left and the last who waits there has gone', () => {
    const [first, second] = [ask(0), ask(0)];
    ask(30_000);
    ports.opened[0]?.events.onMessage(answer(first.id));
    first.release();
    first.release();
    assert.deepEqual([ports.opened[0]?.closed, first.query.heardOf], [false, [`message ${first.id}`]]);
    second.release();
    assert.equal(ports.opened[0]?.closed, true);
    assert.equal(pool['sockets'].size, 1, 'nothing remembers what is closed');
  });

  it('never take an id twice, in use or not', () => {
    random.ids.push(7, 7, 8, 7, 8, 9);
    const first = ask();
    const second = ask();
    second.release();
    const third = ask();
    assert.deepEqual([first.id, second.id, third.id], [7, 8, 9]);
    ports.opened[0]?.events.onMessage(answer(7));
    assert.deepEqual([first.query.heardOf, third.query.heardOf], [['message 7'], []]);
  });

  it('take the answer to a query that waits no more for late, not for forged', () => {
    const [late, other] = [ask(), ask()];
    late.release();
    for (let copy = 0; copy < 5; copy++) ports.opened[0]?.events.onMessage(answer(late.id));
    assert.deepEqual([late.query.heardOf, other.query.heardOf], [[], []]);
  });

  it('let all who wait there know of a message with an id that was never used, or of none', () => {
    const [gone, one, other] = [ask(), ask(), ask()];
    gone.release();
    ports.opened[0]?.events.onMessage(answer(9_999));
    ports.opened[0]?.events.onMessage(Uint8Array.of(0, one.id));
    assert.deepEqual(
      [gone, one, other].map(({ query }) => query.heardOf),
      [[], ['foreign', 'foreign'], ['foreign', 'foreign']],
    );
  });

  it('fail all who wait there by an error, and are used again unless it is fatal', () => {
    const first = ask();
    ports.opened[0]?.events.onError(new Error('unreachable'), false);
    first.release();
    const second = ask();
    assert.equal(ports.opened.length, 1);
    ports.opened[0]?.events.onError(new Error('no such interface'), true);
    assert.deepEqual([first.query.heardOf, second.query.heardOf], [['unreachable'], ['no such interface']]);
    second.release();
    assert.equal(ports.opened[0]?.closed, true);
    second.socket.send(second.query.message);
    assert.equal(ports.opened[0].sent.length, 2, 'nothing is sent by a closed one');
    ask();
    assert.equal(ports.opened.length, 2);
  });

  it('are another one each time, or one for all that leaves in the same turn', () => {
    random.ports.push(1, 2, 3, 4);
    for (let count = 0; count < 2; count++) ask();
    assert.equal(ports.opened.length, 2);
    ports.turn = 1;
    for (let count = 0; count < 3; count++) ask();
    assert.equal(ports.opened.length, 3);
    ports.turn = 2;
    ask();
    assert.equal(ports.opened.length, 4);
  });

  it('are closed with the pool, also those that have been left', () => {
    const [left, current] = [ask(0), ask(30_000)];
    pool.close(new Error('closing'));
    assert.deepEqual(
      [left, current].map(({ query }) => query.heardOf),
      [['closing'], ['closing']],
    );
    assert.deepEqual(
      ports.opened.map(({ closed }) => closed),
      [true, true],
    );
    assert.equal(pool['sockets'].size, 0);
  });
});
