import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { frame } from '#core/dns/wire/frame-reader.js';
import { StallTimer, TcpConnection } from '#core/dns/transport/tcp-connection.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { tcpClient } from '../../../support/dns-query.js';
import { OtherEnd } from '../../../support/other-end.js';

const IDLE = 10_000;
const MOST_WAITING = 128;
const query = frame(new Uint8Array(20));
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Stage {
  readonly clock = new ManualClock();
  readonly end = new OtherEnd();
  readonly connection: TcpConnection;
  readonly answers: (() => void)[] = [];
  taken = 0;

  constructor() {
    const answer = (): Promise<Uint8Array> => {
      this.taken += 1;
      return new Promise((resolve) => this.answers.push(() => resolve(new Uint8Array(30))));
    };
    this.connection = new TcpConnection(this.end as unknown as Socket, tcpClient, answer, this.clock, IDLE);
  }

  async send(...chunks: Uint8Array[]): Promise<void> {
    for (const chunk of chunks) {
      this.end.push(chunk);
      await settled();
    }
  }
}

describe('a TCP connection', () => {
  it('takes no more than 128 queries that wait, and another one for each that is answered', async () => {
    const stage = new Stage();
    for (let round = 0; round < 3 * MOST_WAITING; round++) await stage.send(query);
    assert.equal(stage.taken, MOST_WAITING);
    assert.equal(stage.end.isPaused(), true);
    stage.answers.shift()?.();
    await settled();
    await settled();
    assert.equal(stage.taken, MOST_WAITING + 1);
    stage.connection.destroy();
  });

  it('gives the rest of a message no new time by each byte that trickles in, while another query waits', async () => {
    const stage = new Stage();
    await stage.send(query, query.subarray(0, 3));
    for (let at = 3; at < 12; at++) {
      await stage.clock.advance(IDLE / 10);
      await stage.send(query.subarray(at, at + 1));
    }
    assert.equal(stage.end.destroyed, false);
    await stage.clock.advance(IDLE / 10);
    assert.equal(stage.end.destroyed, true);
    assert.equal(await stage.connection.closed, 'slow');
  });

  it('takes no more queries once it is to end, and closes when those that wait are answered', async () => {
    const stage = new Stage();
    await stage.send(query);
    stage.connection.end();
    await stage.send(query, query);
    assert.equal(stage.taken, 1);
    assert.equal(stage.end.writableEnded, false);
    stage.answers.shift()?.();
    await settled();
    stage.end.leave.shift()?.();
    await settled();
    assert.equal(stage.taken, 1);
    assert.equal(stage.end.writableEnded || stage.end.destroyed, true);
  });
});

describe('the timer of what does not move', () => {
  it('counts from the first beginning, however often it is told to begin', async () => {
    const clock = new ManualClock();
    let still = 0;
    const timer = new StallTimer(clock, 1_000, () => (still += 1));
    for (let round = 0; round < 10; round++) {
      timer.start();
      await clock.advance(100);
      assert.equal(still, round < 9 ? 0 : 1);
    }
  });

  it('counts anew after an end, and not at all after the last one', async () => {
    const clock = new ManualClock();
    let still = 0;
    const timer = new StallTimer(clock, 1_000, () => (still += 1));
    for (let round = 0; round < 3; round++) {
      timer.start();
      await clock.advance(999);
      timer.stop();
    }
    await clock.advance(10_000);
    assert.equal(still, 0);
    assert.equal(clock.pending, 0);
  });
});
