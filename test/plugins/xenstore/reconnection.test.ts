import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { MessageType } from '#xenstore/message-type.js';
import { cannotConnect } from '#xenstore/unreachable.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { FakeXenstored, reply } from '../../support/xenstore/fake-xenstored.js';
import { opened, outcome } from '../../support/xenstore/opened.js';
import { PrivateXenstored } from '../../support/xenstore/private-xenstored.js';

describe('the connection to xenstored', () => {
  let daemon: PrivateXenstored;
  let clock: ManualClock;
  let logger: MemoryLogger;

  before(async function () {
    this.timeout(120_000);
    await (await PrivateXenstored.start(this))[Symbol.asyncDispose]();
  });

  beforeEach(async function () {
    daemon = await PrivateXenstored.start(this);
    clock = new ManualClock();
    logger = new MemoryLogger();
  });

  afterEach(() => daemon?.[Symbol.asyncDispose]());

  it('that cannot be opened says what to check', async () => {
    await daemon.kill();
    const refused = await rejectsWithCode(opened(daemon), 'JITSU_BACKEND_UNREACHABLE');
    assert.match(refused.message, /ECONNREFUSED.* Is this a Xen dom0, and does xenstored run\?.* XENSTORED_PATH/);
    using folder = new TemporaryFolder();
    const absent = await rejectsWithCode(opened({ socket: folder.in('socket') }), 'JITSU_BACKEND_UNREACHABLE');
    assert.match(absent.message, /ENOENT.* Is this a Xen dom0/);
  });

  it('is opened again when xenstored has started anew, and all watches are set again', async () => {
    const told: string[] = [];
    await using xenstore = await opened(daemon, {
      clock,
      logger,
      onLost: ({ code }) => told.push(code),
      onBack: () => told.push('back'),
    });
    const paths: string[] = [];
    await using _one = await xenstore.watch('/one', (path) => paths.push(path));
    await using _two = await xenstore.watch('@releaseDomain', (path) => paths.push(path));
    const gone = await xenstore.watch('/gone', () => paths.push('never'));
    await eventually(() => assert.equal(paths.length, 3));

    await daemon.kill();
    await eventually(() => assert.deepEqual(told, ['JITSU_BACKEND_UNREACHABLE']));
    const error = await rejectsWithCode(xenstore.read('/'), 'JITSU_BACKEND_UNREACHABLE');
    assert.match(error.message, /cannot be asked: it closed the connection\.$/);
    await gone[Symbol.asyncDispose]();
    await daemon.start();
    paths.length = 0;
    await clock.advance(100);
    await eventually(() => assert.deepEqual(told, ['JITSU_BACKEND_UNREACHABLE', 'back']));
    await eventually(() => assert.deepEqual([...paths].sort(), ['/one', '@releaseDomain']));

    await xenstore.write('/one/below', '1');
    await eventually(() => assert.ok(paths.includes('/one/below')));
    assert.deepEqual(
      logger.lines.map((line) => line.split(' ')[0]),
      ['warn:', 'info:'],
    );
  });

  it('is tried again after longer and longer pauses, up to a quarter of a minute', async () => {
    await using xenstore = await opened(daemon, { clock, logger });
    await daemon.kill();
    await eventually(() => assert.equal(logger.entries.length, 1));
    for (const pause of [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]) {
      assert.equal(clock.pending, 1);
      await clock.advance(pause - 1);
      assert.equal(clock.pending, 1, `nothing before ${pause} ms`);
      await clock.advance(1);
      await eventually(() => assert.equal(clock.pending, 1));
      const error = await rejectsWithCode(xenstore.read('/'), 'JITSU_BACKEND_UNREACHABLE');
      assert.match(error.message, /ECONNREFUSED/);
    }
    await daemon.start();
    await clock.advance(15_000);
    await eventually(async () => assert.equal(await xenstore.exists('/'), true));
  });

  it('rejects what was on its way when it is lost, and does not ask again by itself', async () => {
    await using xenstore = await opened(daemon, { clock, logger });
    daemon.freeze();
    const requests = [xenstore.read('/'), xenstore.write('/a', '1'), xenstore.watch('/', () => undefined)];
    const outcomes = Promise.all(requests.map(outcome));
    await daemon.kill();
    assert.deepEqual(await outcomes, Array(3).fill('JITSU_BACKEND_UNREACHABLE'));
    await daemon.start();
    await clock.advance(100);
    await eventually(async () => assert.equal(await xenstore.exists('/'), true));
    assert.equal(await xenstore.exists('/a'), false);
  });

  it('is given up when xenstored has not answered for 10 s, and no sooner', async () => {
    await using xenstore = await opened(daemon, { clock, logger });
    daemon.freeze();
    const request = outcome(xenstore.read('/'));
    await clock.advance(9_999);
    assert.deepEqual(logger.lines, []);
    await clock.advance(1);
    assert.equal(await request, 'JITSU_BACKEND_UNREACHABLE');
    assert.match(logger.lines[0] ?? '', /it has not answered for 10 s/);
    daemon.thaw();
  });

  it('lasts when answers come, however much time passes between them', async () => {
    await using xenstore = await opened(daemon, { clock, logger });
    for (let round = 0; round < 5; round += 1) {
      const request = xenstore.read('/');
      await clock.advance(6_000);
      await request;
    }
    await clock.advance(60_000);
    assert.equal(clock.pending, 0, 'it waits for nothing');
    assert.deepEqual(logger.lines, []);
  });

  it('keeps no watch that was given up while it was set again', async () => {
    const asked: string[] = [];
    let release: (() => void) | undefined;
    await using fake = await FakeXenstored.start((request, peer) => {
      asked.push(`${request.type === MessageType.unwatch ? 'unwatch' : 'watch'} ${String(request.payload)}`);
      const answer = (): void => void peer.write(reply(request, 'OK\0'));
      if (asked.length === 2) release = answer;
      else answer();
    });
    await using xenstore = await opened(fake, { clock, logger });
    const watch = await xenstore.watch('/a', () => undefined);
    for (const peer of fake.peers) peer.destroy();
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(100);
    await eventually(() => assert.ok(release));
    await watch[Symbol.asyncDispose]();
    release?.();
    await eventually(() => assert.match(logger.lines.at(-1) ?? '', /answers again$/));
    assert.deepEqual(asked, ['watch /a\0jitsu-1\0', 'watch /a\0jitsu-1\0', 'unwatch /a\0jitsu-1\0']);
  });

  it('that this user may not have is told apart from one that nobody listens at', () => {
    const denied = cannotConnect('/run/it', Object.assign(new Error('connect EACCES /run/it'), { code: 'EACCES' }));
    assert.equal(denied.code, 'JITSU_BACKEND_DENIED');
    assert.match(
      denied.message,
      /^xenstored at \/run\/it does not let us in: connect EACCES \/run\/it\. Run Jitsu as root/,
    );
  });

  it('leaves nothing when it is closed, also while it is tried again', async () => {
    const first = await opened(daemon, { clock, logger });
    await first.watch('/', () => undefined);
    const request = outcome(first.read('/'));
    await first.close();
    assert.equal(await request, 'JITSU_BACKEND_UNREACHABLE');
    assert.equal(clock.pending, 0);

    const second = await opened(daemon, { clock, logger });
    await daemon.kill();
    await eventually(() => assert.equal(clock.pending, 1));
    await second.close();
    assert.equal(clock.pending, 0);
    assert.equal(logger.lines.length, 1);
  });
});
