import assert from 'node:assert/strict';
import { setEnvironmentData } from 'node:worker_threads';
import type { AccessControl } from '#core/dns/admission/access-control.js';
import { createPacketMemory } from '#core/dns/packet-cache/packet-memory.js';
import type { DatagramSocket } from '#core/dns/transport/mmsg/datagram-socket.js';
import { createQueryRing } from '#core/dns/transport/mmsg/query-ring.js';
import { ReceiveThread } from '#core/dns/transport/mmsg/receive-thread.js';
import { ThreadState } from '#core/dns/transport/mmsg/thread-state.js';
import { ENVELOPE_WORDS } from '#core/net/datagram-batch.js';
import type { SocketCalls } from '#core/net/socket-calls.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAccessControl } from '../../../../support/dns-admission.js';
import { DnsLog } from '../../../../support/dns-log.js';
import type { ReceiverScript } from '../../../../support/scripted-receiver.js';
import { requireMmsg } from '../../../../support/udp-transports.js';

const PROGRAM = new URL('../../../../support/scripted-receiver.js', import.meta.url);

describe('a thread that receives datagrams', function () {
  this.timeout(60_000);

  let clock: ManualClock;
  let log: DnsLog;
  let access: AccessControl;
  let lives: Int32Array;
  let ended: number;
  let told: number;
  const threads: ReceiveThread[] = [];

  before(function () {
    requireMmsg(this);
  });

  beforeEach(() => {
    [clock, log, access] = [new ManualClock(), new DnsLog(), anAccessControl()];
    [lives, ended, told] = [new Int32Array(new SharedArrayBuffer(8)), 0, 0];
  });

  afterEach(async () => {
    for (const thread of threads.splice(0)) await thread.close();
    assert.equal(clock.pending, 0);
  });

  const start = async (script: Partial<ReceiverScript> = {}): Promise<ReceiveThread> => {
    setEnvironmentData('receiver', {
      lives,
      deaths: 0,
      task: script.diesOnDemand ? 7 : undefined,
      ...script,
    } as unknown as Int32Array);
    const socket = { descriptor: 1, kind: { family: 4, tellsDestination: false }, endReceiving: () => (ended += 1) };
    const thread = await ReceiveThread.start({
      ...{ clock, logger: log, access, program: PROGRAM, recursionAvailable: true },
      ...{ packets: createPacketMemory(16), ring: createQueryRing() },
      calls: {} as SocketCalls,
      socket: socket as unknown as DatagramSocket,
      onQueries: () => (told += 1),
    });
    threads.push(thread);
    return thread;
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  const life = (): number => lives[0] as number;
  const stateOf = (thread: ReceiveThread): Int32Array => Reflect.get(thread, 'state') as Int32Array;

  it('is replaced ever later as long as it dies at once: after 100 ms at first, after 10 s at last', async () => {
    await start({ deaths: 9 });
    const pauses = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
    for (const [index, pause] of pauses.entries()) {
      await until(() => log.at('error').length === index + 1);
      await clock.advance(pause - 1);
      assert.equal(clock.pending, 1, `${pause} ms are not over`);
      await clock.advance(1);
      assert.equal(clock.pending, 0);
    }
    await until(() => life() === 10);
    assert.equal(told, 9, 'each may have left something in the ring');
    const [entry] = log.entries as unknown as [{ fields: { err: Error } }];
    assert.equal(entry.fields.err.message, 'limits 2, 0');
  });

  it('is replaced soon again where it had lived for more than ten seconds', async () => {
    await start({ diesOnDemand: true });
    const die = async (age: number): Promise<void> => {
      const [thread] = threads as [ReceiveThread];
      await until(() => Reflect.get(thread, 'task') === 7);
      await clock.advance(age);
      const deaths = Atomics.add(lives, 1, 1) + 1;
      await until(() => log.at('error').length === deaths);
      assert.equal(Reflect.get(thread, 'task'), undefined);
    };
    for (const [age, pause] of [
      [0, 100],
      [0, 200],
      [10_000, 400],
      [10_001, 100],
      [0, 200],
    ] as const) {
      await die(age);
      await clock.advance(pause - 1);
      assert.equal(clock.pending, 1, `${pause} ms are not over`);
      await clock.advance(1);
      assert.equal(clock.pending, 0);
    }
  });

  it('has handed over all when it is closed', async () => {
    const thread = await start({ late: true });
    await thread.close();
    assert.equal(told, 1);
  });

  it('is tried again where its successor does not even begin', async () => {
    await start({ deaths: 1, stillbirths: [1, 2] });
    for (const [index, pause] of [100, 200, 400].entries()) {
      await until(() => log.at('error').length === index + 1);
      await clock.advance(pause);
    }
    await until(() => life() === 4);
    const reasons = (log.entries as unknown as { fields: { err: Error } }[]).map(({ fields }) => fields.err.message);
    assert.deepEqual(reasons, ['limits 2, 0', 'a still birth', 'a still birth']);
  });

  it('has no successor once it is closed, be it that one was about to begin', async () => {
    const thread = await start({ deaths: 1 });
    await until(() => log.at('error').length === 1);
    assert.equal(clock.pending, 1);
    await thread.close();
    assert.equal(clock.pending, 0);
    await clock.advance(20_000);
    assert.equal(life(), 1);
    const other = await start();
    await other.close();
    assert.deepEqual([log.at('error').length, clock.pending], [1, 0]);
  });

  it('that cannot begin is an error that says why, and leaves nothing', async () => {
    const before = process.listenerCount('exit');
    await assert.rejects(start({ stillbirths: [0] }), {
      name: 'NativeSocketsUnavailable',
      message: 'its thread does not start: a still birth',
    });
    assert.equal(process.listenerCount('exit'), before);
    assert.equal(log.entries.length, 0);
  });

  it('tells of the queries in its ring', async () => {
    await start({ messages: [{ kind: 'queries' }, { kind: 'queries' }] });
    await until(() => told === 2);
  });

  it('tells of replies that could not be sent, and their count begins anew', async () => {
    const thread = await start({ messages: [] });
    stateOf(thread)[ThreadState.Unsent] = 7;
    await thread.close();
    threads.length = 0;
    const other = await start({ messages: [{ kind: 'unsent', code: 'EPERM' }] });
    await until(() => log.entries.length > 0);
    assert.equal(stateOf(other)[ThreadState.Unsent], 0);
    assert.deepEqual(log.entries, [
      { level: 'debug', fields: { code: 'EPERM', count: 0 }, message: 'replies could not be sent' },
    ]);
  });

  it('has its refusals counted a quarter of a second later, or when it ends, with the client of the first', async () => {
    const envelope = new Uint32Array(ENVELOPE_WORDS);
    new Uint8Array(envelope.buffer).set([2, 0, 0, 53, 192, 0, 2, 7], 4);
    const thread = await start({ messages: [{ kind: 'refused', refusal: 'rateCut', envelope }] });
    stateOf(thread)[ThreadState.RateCut] = 3;
    await until(() => clock.pending === 1);
    await clock.advance(249);
    assert.equal(access.refusals.counts.rateCut, 0);
    await thread.close();
    assert.equal(access.refusals.counts.rateCut, 3);
  });

  it('ends when the process ends, for which one listener does for all', async () => {
    const before = process.listenerCount('exit');
    const [first, second] = [await start(), await start()];
    assert.equal(process.listenerCount('exit'), before + 1);
    process.listeners('exit').at(-1)?.(0);
    assert.equal(ended, 2);
    assert.deepEqual(
      [first, second].map((thread) => stateOf(thread)[ThreadState.Ending]),
      [1, 1],
    );
    await first.close();
    assert.equal(process.listenerCount('exit'), before + 1);
    await second.close();
    assert.equal(process.listenerCount('exit'), before);
    await second.close();
    assert.equal(process.listenerCount('exit'), before);
  });

  it('is given its priority where it is known, and says nothing where it is not', async () => {
    const unknown = await start();
    unknown.prioritize(true);
    assert.equal(log.entries.length, 0);
    Reflect.set(unknown, 'task', 2 ** 30);
    unknown.prioritize(true);
    assert.deepEqual(log.entries, [
      { level: 'debug', fields: { code: 'ESRCH' }, message: 'a thread that takes datagrams cannot go first' },
    ]);
    Reflect.set(unknown, 'task', undefined);
  });
});
