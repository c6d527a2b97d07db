import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeNotifier } from '@jitsud/core/testing';
import { SystemClock } from '#core/clock.js';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { eventually, GLANCE } from '#core/testing/eventually.js';
import { loadVchan, type Pointer, type VchanLibrary } from '#synjitsu-vchan/native/vchan-library.js';
import { RECORD_LENGTH } from '#synjitsu-vchan/record.js';
import { Receiver } from '#synjitsu-vchan/receiver.js';
import { SynjitsuNotifier } from '#synjitsu-vchan/synjitsu-notifier.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';
import { VchanBed } from '../../support/vchan/vchan-bed.js';

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';
const RECORD = '00163e000001c0000201';
/** Where one who listens in domain 4 writes down how to reach him. */
const PORT = '/local/domain/4/data/vchan/0/synjitsu';

describe('the notifier of Synjitsu', function () {
  this.timeout(120_000);
  let bed: VchanBed;
  let logger: MemoryLogger;
  let received: string[];
  let synjitsu: Receiver | undefined;

  before(async function () {
    bed = await VchanBed.start(this);
  });

  after(async () => bed[Symbol.asyncDispose]());

  beforeEach(() => {
    logger = new MemoryLogger();
    received = [];
  });

  afterEach(async () => stopSynjitsu());

  /** Begins to listen, in the domain of that number, and is sure to do so when this resolves. */
  async function startSynjitsu(domainId: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      synjitsu = new Receiver({
        domain: 0,
        port: 'synjitsu',
        home: `/local/domain/${domainId}`,
        onRecord: (bytes) => received.push(Buffer.from(bytes).toString('hex')),
        onState: (state) => (state === 'listening' ? resolve() : undefined),
      });
      synjitsu.ended.then(reject, reject);
    });
  }

  async function stopSynjitsu(): Promise<void> {
    await synjitsu?.[Symbol.asyncDispose]();
    synjitsu = undefined;
  }

  const aNotifier = (uuid = UUID) => new SynjitsuNotifier({ uuid }, new SystemClock(), logger);
  const started = (changes: Partial<LifecycleEvent> = {}): LifecycleEvent =>
    anEvent({ kind: 'started', unikernel: 'web', macs: ['00:16:3e:00:00:01'], addresses: ['192.0.2.1'], ...changes });

  describeNotifier('the notifier of Synjitsu', {
    setUp: async () => {
      await bed.addDomain(3, UUID);
      await startSynjitsu(3);
    },
    tearDown: () => bed.removeDomain(3),
    notifier: () => aNotifier(),
    tells: ['started', 'resumed', 'unpaused'],
    // All events of that suite have one record; the twentieth machine is told with the twentieth.
    has: ({ unikernel }) =>
      received.length > Number(/\d+$/.exec(unikernel)?.[0] ?? 0) && received.every((record) => record === RECORD),
    breakDown: stopSynjitsu,
  });

  describe('with a connection', () => {
    let notifier: SynjitsuNotifier;
    let vchan: VchanLibrary;
    const detail = (): string => notifier.status().detail;
    const wordsOfPort = async () => ({
      'ring-ref': await bed.store.read(`${PORT}/ring-ref`),
      'event-channel': await bed.store.read(`${PORT}/event-channel`),
    });
    const writeAgain = async (): Promise<void> =>
      bed.store.write(`${PORT}/ring-ref`, (await wordsOfPort())['ring-ref']);
    const connections = (): number =>
      logger.lines.filter((line) => line.startsWith('info: Synjitsu is connected')).length;
    /** In domain 4, without ever looking who is there. */
    const listenSilently = (): Pointer =>
      vchan.listen(0, PORT) ?? assert.fail(`nobody can listen there: errno ${vchan.errno()}`);

    before(() => {
      vchan = loadVchan();
    });

    beforeEach(() => {
      notifier = aNotifier();
    });

    afterEach(async () => {
      await notifier.close();
      await bed.store.rm('/local/domain/4');
    });

    it('says what is missing, step by step, and connects the moment when nothing is', async () => {
      await notifier.open();
      await eventually(() => assert.equal(detail(), `no domain has the UUID ${UUID}`));
      await bed.addDomain(4, UUID);
      await eventually(() => assert.equal(detail(), 'nobody in domain 4 listens on the port synjitsu for domain 0'));
      await startSynjitsu(4);
      await eventually(() =>
        assert.deepEqual(notifier.status(), { connected: true, detail: 'domain 4, port synjitsu' }),
      );
      assert.deepEqual(logger.lines, [
        `warn: Synjitsu is not connected: no domain has the UUID ${UUID}`,
        'warn: Synjitsu is not connected: nobody in domain 4 listens on the port synjitsu for domain 0',
        'info: Synjitsu is connected: domain 4, port synjitsu',
      ]);
    });

    it('drops what it cannot send at once, says so, and sends again after Synjitsu has been restarted', async () => {
      await bed.addDomain(4, UUID);
      await startSynjitsu(4);
      await notifier.open();
      await notifier.notify(started());
      await eventually(() => assert.deepEqual(received, [RECORD]));

      await stopSynjitsu();
      await notifier.notify(started());
      await notifier.notify(started());
      assert.equal(
        logger.lines.filter((line) =>
          line.startsWith('warn: Synjitsu is not told that web (192.0.2.1 at 00:16:3e:00:00:01) boots: '),
        ).length,
        2,
      );
      assert.equal(notifier.status().connected, false);

      await startSynjitsu(4);
      await notifier.notify(started({ addresses: ['192.0.2.2'] }));
      await eventually(() => assert.deepEqual(received, [RECORD, '00163e000001c0000202']));
    });

    it('notices by itself that Synjitsu has gone', async () => {
      await bed.addDomain(4, UUID);
      await startSynjitsu(4);
      await notifier.open();
      await eventually(() => assert.equal(notifier.status().connected, true));
      await stopSynjitsu();
      await eventually(() => assert.equal(detail(), 'nobody in domain 4 listens on the port synjitsu for domain 0'));
      assert.ok(logger.lines.includes('warn: Synjitsu is not connected: domain 4 has closed the connection'));
    });

    it('follows Synjitsu into another domain when its own is destroyed without a word', async () => {
      await bed.addDomain(4, UUID);
      await startSynjitsu(4);
      await notifier.open();
      await eventually(() => assert.equal(notifier.status().connected, true));
      const abandoned = synjitsu;
      try {
        await bed.removeDomain(4);
        await bed.addDomain(5, UUID);
        await startSynjitsu(5);
        await eventually(() =>
          assert.deepEqual(notifier.status(), { connected: true, detail: 'domain 5, port synjitsu' }),
        );
        await notifier.notify(started());
        await eventually(() => assert.deepEqual(received, [RECORD]));
      } finally {
        await abandoned?.[Symbol.asyncDispose]();
        await bed.removeDomain(5);
      }
    });

    it('connects anew to one who takes a port over in the same words as one who died', async () => {
      await bed.addDomain(4, UUID);
      const mortal = listenSilently();
      try {
        await notifier.open();
        await eventually(() => assert.equal(connections(), 1));
      } finally {
        bed.withoutStore(() => vchan.close(mortal));
      }
      await eventually(() =>
        assert.equal(detail(), 'who listened in domain 4 has gone, and has left his port in the store'),
      );
      const left = await wordsOfPort();
      await startSynjitsu(4);
      assert.deepEqual(await wordsOfPort(), left);
      await eventually(() => assert.equal(connections(), 2));
      await notifier.notify(started());
      await eventually(() => assert.deepEqual(received, [RECORD]));
    });

    it('connects anew when the words that it found are written again: who wrote them first may have died', async () => {
      await bed.addDomain(4, UUID);
      // Whose client comes back before it looks; a Synjitsu that looks meanwhile listens anew, and misses what is sent then.
      const unmoved = listenSilently();
      try {
        await notifier.open();
        await eventually(() => assert.equal(connections(), 1));
        await writeAgain();
        await eventually(() => assert.equal(connections(), 2));
        await notifier.notify(started());
        assert.equal(Buffer.from(vchan.tryReceive(unmoved, RECORD_LENGTH) ?? []).toString('hex'), RECORD);
      } finally {
        vchan.close(unmoved);
      }
    });

    it('keeps its connection to one whom it has seen write, however often that is told', async () => {
      await bed.addDomain(4, UUID);
      await notifier.open();
      await eventually(() => assert.match(detail(), /^nobody in domain 4 listens/));
      await startSynjitsu(4);
      await eventually(() => assert.equal(connections(), 1));
      await writeAgain();
      await sleep(GLANCE);
      await notifier.notify(started());
      await eventually(() => assert.deepEqual(received, [RECORD]));
      assert.equal(connections(), 1);
    });

    it('finds domain 0 by its UUID of zeros', async () => {
      await notifier.close();
      notifier = aNotifier('00000000-0000-0000-0000-000000000000');
      await startSynjitsu(0);
      await notifier.open();
      await notifier.notify(started());
      await eventually(() => assert.deepEqual(received, [RECORD]));
    });

    it('sends one record for each IPv4 address, and none for a unikernel without a card', async () => {
      await bed.addDomain(4, UUID);
      await startSynjitsu(4);
      await notifier.open();
      await notifier.notify(started({ macs: [] }));
      await notifier.notify(started({ addresses: ['192.0.2.1', '2001:db8::1', '192.0.2.2'] }));
      await eventually(() => assert.deepEqual(received, [RECORD, '00163e000001c0000202']));
      assert.ok(logger.lines.includes('warn: Synjitsu is not told: web has no network card that its backend knows of'));
    });

    it('says that xenstored is away, and keeps a connection for which it needs none', async () => {
      await bed.addDomain(4, UUID);
      await startSynjitsu(4);
      await notifier.open();
      await eventually(() => assert.equal(notifier.status().connected, true));
      bed.xenstored.freeze();
      try {
        await notifier.notify(started());
        await eventually(() => assert.deepEqual(received, [RECORD]));
      } finally {
        bed.xenstored.thaw();
      }
    });
  });
});
