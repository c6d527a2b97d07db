import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { JitsuError } from '#core/errors.js';
import { BackOff } from '#core/plugin-kit/back-off.js';
import { Reconnecting, type SessionCare } from '#core/plugin-kit/reconnecting.js';
import { ManualClock } from '#core/testing/manual-clock.js';

interface FakeSession {
  readonly number: number;
  lose(reason: unknown): void;
}

/** A system whose sessions are opened when the test lets them. */
class Stage {
  readonly clock = new ManualClock();
  /** What was told, in order. */
  readonly told: string[] = [];
  readonly opened: FakeSession[] = [];
  readonly closed: number[] = [];
  /** What the next attempts come to, an error or a promise to wait for; they succeed when there is none left. */
  readonly attempts: (Error | Promise<void>)[] = [];
  readonly connection: Reconnecting<FakeSession>;

  constructor(more: Partial<SessionCare<FakeSession>> = {}) {
    this.connection = new Reconnecting<FakeSession>(this.clock, {
      open: async () => {
        const outcome = this.attempts.shift();
        if (outcome instanceof Error) throw outcome;
        await outcome;
        const session = { number: this.opened.length, lose: (): void => undefined };
        this.opened.push(session);
        return session;
      },
      close: async ({ number }) => void this.closed.push(number),
      follow: (session, lose) => (session.lose = lose),
      pause: (failures) => 100 * failures,
      absence: (reason, retryIn) => unreachable(`${(reason as Error).message} ${retryIn ?? 'never'}`),
      notOpen: () => unreachable('not open'),
      onLost: ({ message }) => this.told.push(`lost: ${message}`),
      onFailed: ({ message }) => this.told.push(`failed: ${message}`),
      onBack: ({ number }) => this.told.push(`back: ${number}`),
      ...more,
    });
  }

  lose(reason = 'gone'): void {
    this.opened.at(-1)?.lose(new Error(reason));
  }

  get absence(): string {
    try {
      return `session ${this.connection.session.number}`;
    } catch (error) {
      return (error as Error).message;
    }
  }
}

describe('a connection that is kept open', () => {
  it('has a session from when it is opened until it is closed', async () => {
    const { connection, opened, closed } = new Stage();
    assert.throws(() => connection.session, /^JitsuError: not open$/);
    await Promise.all([connection.open(), connection.open()]);
    await connection.open();
    assert.equal(connection.session, opened[0]);
    assert.equal(opened.length, 1);
    await connection.close();
    assert.throws(() => connection.session, /^JitsuError: not open$/);
    assert.deepEqual(closed, [0]);
    await connection.close();
    assert.deepEqual(closed, [0]);
  });

  it('says why it cannot be opened, tries nothing by itself then, and can be opened later', async () => {
    const { connection, attempts, clock } = new Stage();
    attempts.push(new Error('no'));
    await assert.rejects(connection.open(), /^JitsuError: no never$/);
    assert.equal(clock.pending, 0);
    assert.throws(() => connection.session, /not open/);
    await connection.open();
    assert.equal(connection.session.number, 0);
  });

  it('is opened again after longer and longer pauses when it is lost, and tells', async () => {
    const stage = new Stage();
    const { connection, clock, attempts, told, closed } = stage;
    await connection.open();
    attempts.push(new Error('still gone'), new Error('still gone'));
    stage.lose();
    assert.equal(stage.absence, 'gone 100');
    await clock.advance(99);
    assert.deepEqual(told, ['lost: gone 100']);
    await clock.advance(1);
    assert.equal(stage.absence, 'still gone 200');
    await clock.advance(200);
    assert.equal(stage.absence, 'still gone 300');
    await clock.advance(300);
    assert.equal(stage.absence, 'session 1');
    assert.deepEqual(told, ['lost: gone 100', 'failed: still gone 200', 'failed: still gone 300', 'back: 1']);
    assert.deepEqual(closed, [0]);
    stage.lose('again');
    assert.equal(stage.absence, 'again 100', 'a session that was opened makes the failures forgotten');
    await connection.close();
    assert.equal(clock.pending, 0);
  });

  it('takes no notice of the loss of another session than its own, nor of one after it was closed', async () => {
    const stage = new Stage();
    const { connection, clock, opened, told, closed } = stage;
    await connection.open();
    stage.lose();
    await clock.advance(100);
    opened[0]?.lose(new Error('old news'));
    assert.equal(stage.absence, 'session 1');
    await connection.close();
    opened[1]?.lose(new Error('old news'));
    assert.deepEqual([told.length, closed], [2, [0, 1]]);
  });

  it('begins the next attempt in the moment of a loss where no pause is wanted', async () => {
    const stage = new Stage({ pause: () => 0 });
    await stage.connection.open();
    stage.lose();
    assert.equal((await stage.connection.settled()).number, 1);
  });

  it('loses a session with whose use something fatal went wrong', async () => {
    const stage = new Stage();
    const { connection, clock } = stage;
    await connection.open();
    const isFatal = (error: unknown): boolean => (error as Error).message === 'fatal';
    const failing = (message: string) => connection.use(async () => Promise.reject(new Error(message)), isFatal);
    await assert.rejects(failing('harmless'), /^Error: harmless$/);
    assert.equal(stage.absence, 'session 0');
    await assert.rejects(failing('fatal'), /^JitsuError: fatal 100$/);
    await assert.rejects(failing('harmless'), /^JitsuError: fatal 100$/);
    await clock.advance(100);
    assert.equal(await connection.use(async ({ number }) => number, isFatal), 1);
    const using = connection.use(async () => setImmediate().then(() => Promise.reject(new Error('cut off'))), isFatal);
    stage.lose();
    await assert.rejects(using, /^JitsuError: gone 100$/);
    await connection.close();
  });

  it('restores a session in its place before it tells that it is back; a failure of that is a failed attempt', async () => {
    const restored: (number | undefined)[] = [];
    let fail = true;
    const stage: Stage = new Stage({
      restore: async (session) => {
        restored.push(session.number, stage.connection.current?.number);
        stage.connection.lose(session, new Error('not followed yet'));
        if (fail) throw new Error('cannot be restored');
      },
    });
    const { connection, clock, told, closed } = stage;
    await connection.open();
    assert.deepEqual(restored, []);
    stage.lose();
    await clock.advance(100);
    assert.deepEqual(told, ['lost: gone 100', 'failed: cannot be restored 200']);
    fail = false;
    await clock.advance(200);
    assert.deepEqual(restored, [1, 1, 2, 2]);
    assert.deepEqual([stage.absence, told.at(-1), closed], ['session 2', 'back: 2', [0, 1]]);
    stage.lose();
    assert.deepEqual(closed.length, 2);
    await connection.close();
    assert.deepEqual(closed, [0, 1, 2]);
  });

  for (const what of ['onBack', 'follow'] as const) {
    it(`ends a session with which ${what} throws, and counts the attempt as failed`, async () => {
      const failing = { on: false };
      const mayFail = (session: FakeSession): void => {
        if (failing.on) throw new Error(`${what} ${session.number}`);
      };
      const stage = new Stage({ [what]: mayFail });
      const { connection, clock, closed, told } = stage;
      await connection.open();
      failing.on = true;
      connection.lose(connection.session, new Error('gone'));
      await clock.advance(100);
      assert.deepEqual([stage.absence, closed], [`${what} 1 200`, [0, 1]]);
      assert.equal(told.filter((line) => line.startsWith('failed')).length, 1);
      failing.on = false;
      await clock.advance(200);
      assert.equal(stage.absence, 'session 2');
      await connection.close();
      assert.deepEqual([closed, clock.pending], [[0, 1, 2], 0]);
    });

    it(`begins one attempt only where ${what} loses the session and throws then`, async () => {
      const failing = { on: false };
      const stage: Stage = new Stage({
        [what]: (session: FakeSession) => {
          if (!failing.on) return;
          failing.on = false;
          stage.connection.lose(session, new Error('gone again'));
          throw new Error('thrown');
        },
      });
      const { connection, clock, closed } = stage;
      await connection.open();
      failing.on = true;
      connection.lose(connection.session, new Error('gone'));
      await clock.advance(100);
      assert.deepEqual([stage.absence, clock.pending], ['gone again 100', 1]);
      await clock.advance(1_000);
      assert.deepEqual([stage.absence, closed], ['session 2', [0, 1]]);
      await connection.close();
    });
  }

  it('cannot be opened where the first session cannot be followed, which is ended then', async () => {
    const stage = new Stage({
      follow: () => {
        throw new Error('not to be followed');
      },
    });
    await assert.rejects(stage.connection.open(), /^JitsuError: not to be followed never$/);
    await setImmediate();
    assert.deepEqual([stage.absence, stage.closed], ['not open', [0]]);
  });

  it('has one attempt under way for all who open it, also where an earlier one was closed meanwhile', async () => {
    const { connection, attempts, opened } = new Stage();
    let fail = (): void => undefined;
    let arrive = (): void => undefined;
    attempts.push(new Promise((_resolve, reject) => (fail = () => reject(new Error('late')))));
    attempts.push(new Promise((resolve) => (arrive = resolve)));
    const first = connection.open();
    const closing = connection.close();
    const second = connection.open();
    fail();
    await assert.rejects(first);
    await setImmediate();
    let isOpen = false;
    const third = connection.open().then(() => (isOpen = true));
    await setImmediate();
    assert.equal(isOpen, false);
    arrive();
    await Promise.all([second, third, closing]);
    assert.equal(opened.length, 1);
    await connection.close();
  });

  it('ends a session that came too late, and does not wait for one that never comes', async () => {
    const stage = new Stage();
    const { connection, clock, attempts, closed } = stage;
    let arrive = (): void => undefined;
    attempts.push(new Promise((resolve) => (arrive = resolve)));
    const open = connection.open();
    const close = connection.close();
    await clock.advance(999);
    await clock.advance(1);
    await close;
    assert.equal(clock.pending, 0);
    arrive();
    await assert.rejects(open, /^JitsuError: not open$/);
    await setImmediate();
    assert.deepEqual(closed, [0]);
  });

  it('is opened in the background until it is open, and tells of that as of a return', async () => {
    const stage = new Stage({ pause: (failures) => 100 * (failures - 1) });
    const { connection, clock, attempts, told } = stage;
    attempts.push(new Error('none'), new Error('none'));
    connection.keepOpening();
    connection.keepOpening();
    await clock.advance(99);
    assert.deepEqual(told, ['failed: none 100']);
    await clock.advance(201);
    assert.deepEqual(told, ['failed: none 100', 'failed: none 200', 'back: 0']);
    assert.equal(stage.absence, 'session 0');
    await connection.close();
    assert.equal(clock.pending, 0);
  });

  it('is attempted at once when that is asked for, and tells when the attempt has ended', async () => {
    const stage = new Stage();
    const { connection, clock, attempts, told } = stage;
    await connection.retry();
    await connection.open();
    await connection.retry();
    attempts.push(new Error('still gone'));
    stage.lose();
    const failed = connection.retry().then(() => told.push('ended'));
    await failed;
    assert.deepEqual(told, ['lost: gone 100', 'failed: still gone 200', 'ended']);
    assert.equal(clock.pending, 1, 'the next pause is as long as ever');
    await connection.retry();
    assert.equal(stage.absence, 'session 1');
    assert.equal(clock.pending, 0);
  });

  it('is attempted once more where that is asked for during an attempt that fails', async () => {
    const stage = new Stage();
    const { connection, attempts, clock } = stage;
    await connection.open();
    let fail = (): void => undefined;
    attempts.push(new Promise((_resolve, reject) => (fail = () => reject(new Error('too early')))));
    stage.lose();
    await clock.advance(100);
    let hasEnded = false;
    const retried = connection.retry().then(() => (hasEnded = true));
    await setImmediate();
    assert.equal(hasEnded, false);
    fail();
    await retried;
    assert.equal(stage.absence, 'session 1');
  });

  for (const [what, end] of [
    ['succeeds', (arrive: () => void) => arrive()],
    ['is closed', (_: () => void, connection: Stage['connection']) => void connection.close()],
  ] as const) {
    it(`lets nobody wait for another attempt when one under way ${what}`, async () => {
      const stage = new Stage();
      const { connection, attempts, clock } = stage;
      let arrive = (): void => undefined;
      attempts.push(new Promise((resolve) => (arrive = resolve)));
      const opened = connection.open().catch(() => undefined);
      const early = connection.retry();
      end(arrive, connection);
      await early;
      arrive();
      await opened;
      await clock.advance(1_000);
      await connection.open();
      attempts.push(new Promise((resolve) => (arrive = resolve)));
      stage.lose();
      await clock.advance(100);
      const later = connection.retry();
      end(arrive, connection);
      await later;
      arrive();
      const closed = connection.close();
      await clock.advance(1_000);
      await closed;
    });
  }

  it('takes its pauses from a back-off', async () => {
    const stage = new Stage({ pause: new BackOff(10, 15) });
    await stage.connection.open();
    stage.attempts.push(new Error('still gone'));
    stage.lose();
    assert.equal(stage.absence, 'gone 10');
    await stage.clock.advance(10);
    assert.equal(stage.absence, 'still gone 15');
    await stage.connection.close();
  });

  it('closes each session that it has opened exactly once, whatever happens in whatever order', async () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = randomNumbers(seed);
      const stage = new Stage({
        pause: (failures) => (random() < 0.3 ? 0 : 100 * failures),
        restore: async () => {
          if (random() < 0.5) await setImmediate();
          if (random() < 0.3) throw new Error('cannot be restored');
        },
        onBack: () => {
          if (random() < 0.1) throw new Error('not wanted back');
        },
        follow: (session, lose) => {
          session.lose = lose;
          if (random() < 0.1) throw new Error('cannot be followed');
        },
      });
      const { connection, attempts, clock } = stage;
      let waiting = 0;
      const steps: readonly (() => unknown)[] = [
        () => connection.open().catch(() => undefined),
        () => void connection.close(),
        () => connection.keepOpening(),
        () => {
          waiting += 1;
          void connection.retry().then(() => (waiting -= 1));
        },
        () => stage.lose(),
        () => stage.opened.at(Math.floor(random() * stage.opened.length))?.lose(new Error('one of them')),
        () => attempts.push(new Error('no')),
        () => attempts.push(setImmediate()),
        () => clock.advance(Math.floor(random() * 400)),
      ];
      for (let step = 0; step < 40; step += 1) {
        const outcome = steps[Math.floor(random() * steps.length)]?.();
        if (random() < 0.5) await outcome;
        const { current } = connection;
        if (current !== undefined) assert.ok(!stage.closed.includes(current.number), `seed ${seed}: a closed session`);
      }
      const closed = connection.close();
      await clock.advance(2_000);
      await closed;
      const sorted = [...stage.closed].sort((a, b) => a - b);
      assert.deepEqual(sorted, [...stage.opened.keys()], `seed ${seed}`);
      assert.equal(clock.pending, 0, `seed ${seed}`);
      assert.equal(connection.current, undefined);
      assert.equal(waiting, 0, `seed ${seed}: somebody waits for an attempt`);
    }
  });
});

function unreachable(message: string): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', message);
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
