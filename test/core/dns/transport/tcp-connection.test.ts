import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { MessageHandler } from '#core/dns/transport/udp-transport.js';
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

describe('a TCP connection by itself', () => {
  /** A connection whose queries are answered as the test says, and what its client is sent. */
  const open = (handler: MessageHandler) => {
    const clock = new ManualClock();
    const end = new OtherEnd();
    const connection = new TcpConnection(end as unknown as Socket, tcpClient, handler, clock, IDLE);
    const send = async (...chunks: Uint8Array[]): Promise<void> => {
      for (const chunk of chunks) end.push(chunk);
      await settled();
      await settled();
    };
    const letAllLeave = async (): Promise<void> => {
      for (let leave = end.leave.shift(); leave !== undefined; leave = end.leave.shift()) {
        leave();
        await settled();
      }
    };
    return { clock, end, connection, send, letAllLeave };
  };
  const later = () => {
    const answers: ((reply: Uint8Array | undefined) => void)[] = [];
    const handler: MessageHandler = () => new Promise((resolve) => answers.push(resolve));
    const answer = async (reply?: Uint8Array): Promise<void> => {
      answers.shift()?.(reply);
      await settled();
    };
    return { answers, handler, answer };
  };

  it('sends what is known at once, behind its length, and for nothing sends nothing', async () => {
    const replies = [Uint8Array.of(1, 2, 3), undefined];
    const { end, send, connection, letAllLeave } = open(() => replies.shift());
    const written: string[] = [];
    const write = end.write.bind(end) as (chunk: Uint8Array, callback: () => void) => boolean;
    end.write = ((chunk: Uint8Array, callback: () => void) => {
      written.push(Buffer.from(chunk).toString('hex'));
      return write(chunk, callback);
    }) as typeof end.write;
    await send(query, query);
    assert.deepEqual(written, ['0003010203']);
    assert.equal(connection.isIdle, true);
    await letAllLeave();
    connection.destroy();
  });

  it('is closed when it has been idle for its time, which is not slow', async () => {
    const { clock, end, connection } = open(() => undefined);
    await clock.advance(IDLE - 1);
    assert.equal(end.destroyed, false);
    await clock.advance(1);
    assert.equal(end.destroyed, true);
    assert.equal(await connection.closed, undefined);
    assert.equal(clock.pending, 0);
  });

  it('is not idle while a query waits, and has its whole time after the answer', async () => {
    const { handler, answer } = later();
    const { clock, end, connection, send, letAllLeave } = open(handler);
    await clock.advance(IDLE / 2);
    await send(query, query);
    assert.equal(connection.isIdle, false);
    await clock.advance(3 * IDLE);
    await answer(new Uint8Array(30));
    await letAllLeave();
    await clock.advance(3 * IDLE);
    assert.deepEqual([end.destroyed, connection.isIdle], [false, false]);
    await answer(new Uint8Array(30));
    await letAllLeave();
    assert.equal(connection.isIdle, true);
    await clock.advance(IDLE - 1);
    assert.equal(end.destroyed, false);
    await clock.advance(1);
    assert.equal(end.destroyed, true);
  });

  it('is closed as too slow when more than 256 KiB wait for its client to read', async () => {
    const reply = new Uint8Array(65_534);
    const { end, send, connection } = open(() => reply);
    for (let count = 0; count < 4; count++) await send(query);
    assert.deepEqual([end.writableLength, end.destroyed], [262_144, false]);
    await send(query);
    assert.equal(end.destroyed, true);
    assert.equal(await connection.closed, 'slow');
  });

  it('has all who work for it know that it has gone, and sends nothing more', async () => {
    const signals: AbortSignal[] = [];
    const { handler, answer } = later();
    const { end, send, connection } = open((message, client, signal) => {
      assert.equal(client, tcpClient);
      signals.push(signal as AbortSignal);
      return handler(message, client);
    });
    await send(query, query);
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [false, false],
    );
    end.destroy(new Error('reset by the peer'));
    await settled();
    assert.match(String(signals[0]?.reason), /the connection is gone/);
    await answer(new Uint8Array(30));
    assert.equal(await connection.closed, undefined);
    assert.equal(end.writableLength, 0);
  });

  it('lets as many listen to its end as have queries, without a warning', async () => {
    let warned = 0;
    const onWarning = (): void => void (warned += 1);
    process.on('warning', onWarning);
    const { send, connection } = open((_message, _client, signal) => {
      signal?.addEventListener('abort', () => {});
      return undefined;
    });
    for (let count = 0; count < 20; count++) await send(query);
    process.off('warning', onWarning);
    assert.equal(warned, 0);
    connection.destroy();
  });

  it('takes no query behind the one that closed it', async () => {
    let taken = 0;
    const { end, send } = open(() => {
      taken += 1;
      end.destroy();
      return undefined;
    });
    await send(Buffer.concat([query, query]));
    assert.equal(taken, 1);
  });

  it('is closed from our side when its client asks no more, at once or after the last answer', async () => {
    const idle = open(() => undefined);
    idle.end.push(null);
    await settled();
    assert.equal(idle.end.writableEnded, true);
    const { handler, answer } = later();
    const waiting = open(handler);
    await waiting.send(query, query);
    waiting.end.push(null);
    await settled();
    await answer(new Uint8Array(30));
    assert.equal(waiting.end.writableEnded, false);
    await answer(new Uint8Array(30));
    assert.equal(waiting.end.writableEnded, true);
    for (const { connection } of [idle, waiting]) connection.destroy();
  });

  it('that is to end says goodbye where all was sent, and not where its client has to read first', async () => {
    const quiet = open(() => undefined);
    quiet.connection.end();
    assert.equal(quiet.end.writableEnded, true);
    await settled();
    assert.equal(quiet.end.destroyed, true);
    const unread = open(() => new Uint8Array(30));
    await unread.send(query);
    unread.connection.end();
    assert.deepEqual([unread.end.destroyed, unread.end.writableEnded], [true, false]);
  });

  it('blames no client for what it does not read itself, and gives the rest its time from then on', async () => {
    const { handler, answers, answer } = later();
    const { clock, end, send, connection, letAllLeave } = open(handler);
    for (let count = 1; count < MOST_WAITING; count++) await send(query);
    assert.equal(end.isPaused(), false);
    await send(Buffer.concat([query, query.subarray(0, 5)]));
    assert.deepEqual([answers.length, end.isPaused()], [MOST_WAITING, true]);
    await clock.advance(3 * IDLE);
    assert.equal(end.destroyed, false);
    await answer(new Uint8Array(30));
    await letAllLeave();
    assert.equal(end.isPaused(), false);
    await clock.advance(IDLE - 1);
    assert.equal(end.destroyed, false);
    await clock.advance(1);
    assert.equal(end.destroyed, true);
    assert.equal(await connection.closed, 'slow');
  });

  it('that stopped reading between two messages waits for nothing when it reads again', async () => {
    const { handler, answer } = later();
    const { clock, end, send, connection, letAllLeave } = open(handler);
    for (let count = 0; count < MOST_WAITING; count++) await send(query);
    await answer(new Uint8Array(30));
    await letAllLeave();
    await clock.advance(3 * IDLE);
    assert.equal(end.destroyed, false);
    connection.destroy();
    await settled();
    assert.equal(clock.pending, 0);
  });

  it('waits for its client to read only as long as something has not left', async () => {
    const { handler, answer } = later();
    const { clock, end, send, letAllLeave } = open(handler);
    await send(query, query, query);
    await answer(new Uint8Array(30));
    await letAllLeave();
    await clock.advance(2 * IDLE);
    assert.equal(end.destroyed, false);
    await answer(new Uint8Array(30));
    await answer(undefined);
    await clock.advance(IDLE - 1);
    end.leave.shift()?.();
    await settled();
    assert.equal(end.destroyed, false);
  });

  it('sends small answers without delay', () => {
    const end = new OtherEnd();
    const calls: unknown[] = [];
    end.setNoDelay = (...parameters: unknown[]) => {
      calls.push(parameters);
      return end;
    };
    const connection = new TcpConnection(end as unknown as Socket, tcpClient, () => undefined, new ManualClock(), IDLE);
    assert.deepEqual(calls, [[true]]);
    connection.destroy();
  });

  it('takes what is left of a message that came when it had stopped, and ends in the order that was asked for', async () => {
    const { handler, answer, answers } = later();
    const { end, send, connection } = open(handler);
    await send(query);
    connection.end();
    connection.end();
    assert.equal(end.writableEnded, false);
    await answer(undefined);
    assert.deepEqual([end.writableEnded, answers.length], [true, 0]);
  });

  it('that is to end while a client reads the last answer is closed by its first end', async () => {
    const { handler, answer } = later();
    const { end, send, connection } = open(handler);
    await send(query, query);
    connection.end();
    await answer(new Uint8Array(1));
    assert.deepEqual([end.destroyed, end.writableEnded], [false, false], 'one waits');
    await answer(undefined);
    assert.equal(end.destroyed, true, 'an answer was not read');
  });

  it('gives each answer the whole time to be read that the one before has used', async () => {
    const { handler, answer } = later();
    const { clock, end, send, connection } = open(handler);
    await send(query, query, query, query);
    await answer(new Uint8Array(30));
    await answer(new Uint8Array(30));
    await clock.advance(IDLE - 1);
    end.leave.shift()?.();
    await settled();
    await clock.advance(IDLE - 1);
    assert.equal(end.destroyed, false, 'the second has its own time');
    await clock.advance(1);
    assert.equal(end.destroyed, true);
    assert.equal(await connection.closed, 'slow');
    assert.equal(clock.pending, 0);
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
