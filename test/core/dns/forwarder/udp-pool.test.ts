import assert from 'node:assert/strict';
import type { RandomSource } from '#core/dns/forwarder/random-source.js';
import type { ReplyListener } from '#core/dns/forwarder/upstream-message.js';
import { UdpPool } from '#core/dns/forwarder/udp-pool.js';
import { FakeUdpSockets } from '../../../support/fake-udp-sockets.js';

const ENDPOINT = { address: '192.0.2.53', port: 53 };

/** Counts up where an id is drawn, unless told which come next; every port is the first. */
class FakeRandom implements Pick<RandomSource, 'uint16' | 'below'> {
  readonly ids: number[] = [];
  readonly slots: number[] = [];
  private count = 0;

  uint16(): number {
    return this.ids.shift() ?? this.count++;
  }

  below(limit: number): number {
    assert.equal(limit, 32, 'one of 32 ports');
    return this.slots.shift() ?? 0;
  }
}

class Query implements ReplyListener {
  readonly events: string[] = [];
  readonly message = new Uint8Array(20);

  onMessage(message: Uint8Array): void {
    this.events.push(`message ${(message[0] as number) * 256 + (message[1] as number)}`);
  }

  onForeignMessage(): void {
    this.events.push('foreign');
  }

  onLost(reason: Error): void {
    this.events.push(reason.message);
  }
}

describe('the source ports by which one upstream is asked', () => {
  let sockets: FakeUdpSockets;
  let random: FakeRandom;
  let pool: UdpPool;

  beforeEach(() => {
    [sockets, random] = [new FakeUdpSockets(), new FakeRandom()];
    pool = new UdpPool(ENDPOINT, random as unknown as RandomSource, sockets);
  });

  const answer = (id: number): Uint8Array => Uint8Array.of(id >> 8, id & 0xff, ...new Uint8Array(18));
  const ask = (now = 0) => {
    const query = new Query();
    const port = pool.pick(now);
    const id = port.ask(query.message, query);
    return { query, id, port, release: () => port.release(id) };
  };

  it('are left after 512 queries, though all of them have been answered', () => {
    for (let count = 0; count < 512; count++) ask().release();
    assert.equal(sockets.opened.length, 1);
    ask().release();
    assert.equal(sockets.opened.length, 2);
    assert.deepEqual(
      sockets.opened.map(({ sent }) => sent.length),
      [512, 1],
    );
  });

  it('are left after 30 s', () => {
    ask(0).release();
    ask(29_999).release();
    assert.equal(sockets.opened.length, 1);
    ask(30_000).release();
    assert.equal(sockets.opened.length, 2);
  });

  it('are closed when they are left, at once where nobody waits there', () => {
    ask(0).release();
    ask(30_000);
    assert.deepEqual(
      sockets.opened.map(({ closed }) => closed),
      [true, false],
    );
  });

  it('are closed when they are left and the last who waits there has gone', () => {
    const [first, second] = [ask(0), ask(0)];
    ask(30_000);
    sockets.opened[0]?.listener.onMessage(answer(first.id));
    first.release();
    first.release();
    assert.deepEqual([sockets.opened[0]?.closed, first.query.events], [false, [`message ${first.id}`]]);
    second.release();
    assert.equal(sockets.opened[0]?.closed, true);
    assert.equal(pool['ports'].size, 1, 'nothing remembers what is closed');
  });

  it('never take an id twice, in use or not', () => {
    random.ids.push(7, 7, 8, 7, 8, 9);
    const first = ask();
    const second = ask();
    second.release();
    const third = ask();
    assert.deepEqual([first.id, second.id, third.id], [7, 8, 9]);
    sockets.opened[0]?.listener.onMessage(answer(7));
    assert.deepEqual([first.query.events, third.query.events], [['message 7'], []]);
  });

  it('take the answer to a query that waits no more for late, not for forged', () => {
    const [late, other] = [ask(), ask()];
    late.release();
    for (let copy = 0; copy < 5; copy++) sockets.opened[0]?.listener.onMessage(answer(late.id));
    assert.deepEqual([late.query.events, other.query.events], [[], []]);
  });

  it('let all who wait there know of a message with an id that was never used, or of none', () => {
    const [gone, one, other] = [ask(), ask(), ask()];
    gone.release();
    sockets.opened[0]?.listener.onMessage(answer(9_999));
    sockets.opened[0]?.listener.onMessage(Uint8Array.of(0, one.id));
    assert.deepEqual(
      [gone, one, other].map(({ query }) => query.events),
      [[], ['foreign', 'foreign'], ['foreign', 'foreign']],
    );
  });

  it('fail all who wait there by an error, and are used again unless it is fatal', () => {
    const first = ask();
    sockets.opened[0]?.listener.onError(new Error('unreachable'), false);
    first.release();
    const second = ask();
    assert.equal(sockets.opened.length, 1);
    sockets.opened[0]?.listener.onError(new Error('no such interface'), true);
    assert.deepEqual([first.query.events, second.query.events], [['unreachable'], ['no such interface']]);
    second.release();
    assert.equal(sockets.opened[0]?.closed, true);
    second.port.send(second.query.message);
    assert.equal(sockets.opened[0].sent.length, 2, 'nothing is sent by a closed one');
    ask();
    assert.equal(sockets.opened.length, 2);
  });

  it('are all left by an error of this machine, and those who wait at others go on waiting', () => {
    random.slots.push(1, 2, 1);
    const [one, other] = [ask(0), ask(0)];
    sockets.opened[0]?.listener.onError(Object.assign(new Error('no route'), { code: 'ENETUNREACH' }), false);
    assert.deepEqual([one.query.events, other.query.events], [['no route'], []]);
    assert.deepEqual(
      sockets.opened.map(({ closed }) => closed),
      [true, false],
    );
    assert.notEqual(ask(0).port, one.port);
    other.release();
    assert.equal(sockets.opened[1]?.closed, true);
  });

  it('are used again where the upstream refuses', () => {
    const one = ask(0);
    sockets.opened[0]?.listener.onError(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), false);
    one.release();
    assert.equal(ask(0).port, one.port);
  });

  it('are replaced for who wants one that is younger', () => {
    const { port } = ask(5);
    assert.equal(pool.pick(6, 4), port);
    const younger = pool.pick(6, 5);
    assert.notEqual(younger, port);
    assert.equal(pool.pick(6, 5), younger, 'one for all who want one');
  });

  it('are another one each time, or one for all that leaves in one batch', () => {
    random.slots.push(1, 2, 3, 4);
    for (let count = 0; count < 2; count++) ask();
    assert.equal(sockets.opened.length, 2);
    sockets.batch = 1;
    for (let count = 0; count < 3; count++) ask();
    assert.equal(sockets.opened.length, 3);
    sockets.batch = 2;
    ask();
    assert.equal(sockets.opened.length, 4);
  });

  it('are closed with the pool, also those that have been left', () => {
    const [left, current] = [ask(0), ask(30_000)];
    pool.close(new Error('closing'));
    assert.deepEqual(
      [left, current].map(({ query }) => query.events),
      [['closing'], ['closing']],
    );
    assert.deepEqual(
      sockets.opened.map(({ closed }) => closed),
      [true, true],
    );
    assert.equal(pool['ports'].size, 0);
  });

  it('send the id that a query got, of which both bytes count, and release it once', () => {
    random.ids.push(0x1234, 0x5678);
    const [one, other] = [ask(), ask()];
    assert.deepEqual(
      sockets.opened[0]?.sent.map((message) => [...message.subarray(0, 3)]),
      [
        [0x12, 0x34, 0],
        [0x56, 0x78, 0],
      ],
    );
    for (let time = 0; time < 3; time++) one.release();
    one.port.release(9);
    sockets.opened[0]?.listener.onMessage(answer(0x5678));
    assert.deepEqual(other.query.events, ['message 22136']);
    other.port.retire();
    assert.equal(sockets.opened[0]?.closed, false);
    assert.equal(other.port.usable, true);
    other.release();
    assert.deepEqual([sockets.opened[0]?.closed, other.port.usable, other.port.used], [true, false, 2]);
  });

  it('drawn for a batch are drawn anew for the next, and where there are no batches', () => {
    random.slots.push(1, 2, 3, 4, 5);
    sockets.batch = 0;
    ask();
    ask();
    assert.deepEqual(random.slots, [2, 3, 4, 5]);
    sockets.batch = 1;
    ask();
    assert.deepEqual(random.slots, [3, 4, 5]);
    delete sockets.batch;
    ask();
    ask();
    assert.deepEqual(random.slots, [5]);
  });
});
