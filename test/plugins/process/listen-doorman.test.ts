import assert from 'node:assert/strict';
import type { Knock, KnockVerdict } from '#core/contracts/doorman.js';
import type { Milliseconds } from '#core/contracts/milliseconds.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import type { HeldListeners } from '#process/held-listeners.js';
import { ListenDoorman } from '#process/listen-doorman.js';
import type { ListeningSocket } from '#process/listening-socket.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const ID = '01234567-89ab-4def-8123-456789abcdef';
const RULES = { idle: 900_000, outgoing: false, conntrack: false, ignored: [] };

/** A socket at which what comes is said by the test. */
class FakeSocket implements ListeningSocket {
  readonly address = '127.0.0.1';
  readonly port = 80;
  readonly name = 'web';
  queue: string[] = [];
  refused: string[] = [];
  failure: Error | undefined;
  #onArrival: (() => void) | undefined;

  constructor(readonly protocol: 'tcp' | 'udp' = 'tcp') {}

  get isWatched(): boolean {
    return this.#onArrival !== undefined;
  }

  arrive(...clients: string[]): void {
    this.queue.push(...clients);
    this.#onArrival?.();
  }

  forLaunch() {
    return { descriptor: 7, name: this.name };
  }

  launched(): void {
    // Nothing is to be done.
  }

  deliver(): void {
    this.unwatch();
  }

  backlog(): number {
    return this.waiting();
  }

  watch(onArrival: () => void): void {
    if (this.failure) throw this.failure;
    this.#onArrival = onArrival;
    if (this.queue.length > 0) onArrival();
  }

  unwatch(): void {
    this.#onArrival = undefined;
  }

  clients(): readonly string[] {
    if (this.failure) throw this.failure;
    return this.protocol === 'tcp' ? [...this.queue] : this.queue.slice(0, 1);
  }

  refuse(count: number): void {
    this.refused.push(...this.queue.splice(0, count));
  }

  waiting(): number {
    return this.clients().length;
  }

  close(): void {
    this.unwatch();
  }
}

describe('what waits in the sockets of Jitsu', () => {
  let clock: ManualClock;
  let logger: MemoryLogger;
  let tcp: FakeSocket;
  let udp: FakeSocket;
  let sockets: FakeSocket[] | undefined;
  let doorman: ListenDoorman;
  let knocks: string[];
  let verdict: (knock: Knock) => KnockVerdict;

  beforeEach(() => {
    clock = new ManualClock();
    logger = new MemoryLogger();
    [tcp, udp] = [new FakeSocket(), new FakeSocket('udp')];
    sockets = [tcp, udp];
    const held = { of: () => sockets } as unknown as HeldListeners;
    doorman = new ListenDoorman(held, clock, logger);
    knocks = [];
    verdict = () => 'hold';
  });

  const endpoints = { unikernel: 'web', machine: ID, addresses: ['127.0.0.1'], ports: [], macs: [], rules: RULES };
  const arm = (connections: 'pass' | 'refuse' = 'refuse') => doorman.arm([{ ...endpoints, connections }]);
  const hear = () =>
    doorman.onKnock((knock) => {
      knocks.push(`${knock.protocol} ${knock.from}`);
      return verdict(knock);
    });
  const advance = (time: Milliseconds) => clock.advance(time);

  it('is a knock of each client once, and is then let be until the release', async () => {
    hear();
    await arm();
    tcp.arrive('a', 'a', 'b');
    tcp.arrive('c');
    assert.deepEqual(knocks, ['tcp a', 'tcp b']);
    udp.arrive('d');
    assert.deepEqual(knocks, ['tcp a', 'tcp b', 'udp d']);
    await doorman.release('web', 'deliver');
    tcp.arrive('e');
    assert.deepEqual([tcp.isWatched, udp.isWatched, tcp.queue.length, knocks.length], [false, false, 5, 3]);
  });

  it('is a knock also where it waited before, or before anybody listened', async () => {
    tcp.queue = ['a'];
    await arm();
    await arm();
    assert.deepEqual(knocks, []);
    hear();
    assert.deepEqual(knocks, ['tcp a']);
  });

  it('is held for one, and otherwise refused as a whole: who comes later knocks anew', async () => {
    hear();
    verdict = ({ from }) => (from === 'good' ? 'hold' : 'refuse');
    await arm();
    tcp.arrive('bad', 'worse');
    assert.deepEqual(tcp.refused, ['bad', 'worse']);
    tcp.arrive('bad', 'good');
    assert.deepEqual([tcp.refused.length, tcp.queue], [2, ['bad', 'good']]);
    udp.arrive('bad', 'good', 'bad');
    assert.deepEqual([udp.refused, udp.queue], [['bad'], ['good', 'bad']]);
  });

  it('is refused when the start has failed, and knocks again after that', async () => {
    hear();
    await arm();
    for (let times = 1; times <= 2; times += 1) {
      tcp.arrive('a');
      udp.arrive('b', 'c');
      await doorman.release('web', 'refuse');
      assert.deepEqual([tcp.queue, udp.queue], [[], []]);
    }
    assert.deepEqual(knocks, ['tcp a', 'udp b', 'tcp a', 'udp b']);
    await doorman.release('nobody', 'refuse');
  });

  it('waits on where its start was not tried, and knocks again in a second, or when others come', async () => {
    hear();
    await arm();
    tcp.arrive('a');
    udp.arrive('b');
    await doorman.release('web', 'drop');
    assert.deepEqual([tcp.queue, tcp.refused, udp.queue], [['a'], [], []]);
    assert.deepEqual(knocks, ['tcp a', 'udp b']);
    await advance(1_000);
    assert.deepEqual(knocks.slice(2), ['tcp a']);
    await doorman.release('web', 'drop');
    tcp.arrive('c');
    assert.deepEqual(knocks.slice(3), ['tcp a', 'tcp c']);
  });

  it('is known to come from where it says once its connection is open, and never by a datagram', async () => {
    const proofs: unknown[] = [];
    hear();
    verdict = ({ proven }) => (proofs.push(proven), 'refuse');
    await arm();
    tcp.arrive('192.0.2.7', '::');
    udp.arrive('192.0.2.7');
    assert.deepEqual(proofs, [true, false, false]);
  });

  it('is told again at growing intervals where it was dropped, and refused after a minute', async () => {
    hear();
    verdict = () => 'drop';
    await arm();
    tcp.arrive('a');
    const counts: number[] = [];
    for (const pause of [1, 2, 4, 8, 16, 32]) {
      await advance(pause * 1_000 - 1);
      counts.push(knocks.length);
      await advance(1);
    }
    assert.deepEqual(counts, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([tcp.refused, tcp.queue], [['a'], []]);
    udp.arrive('b');
    assert.deepEqual(udp.refused, ['b']);
  });

  it('is no knock while its program runs, unless the program does not take it', async () => {
    hear();
    await arm('pass');
    tcp.arrive('a');
    tcp.queue = [];
    await advance(1_000);
    assert.deepEqual(knocks, []);
    tcp.arrive('b');
    await arm('refuse');
    assert.deepEqual(knocks, ['tcp b']);
  });

  it('is not held where there is no socket, or none that can be watched', async () => {
    sockets = undefined;
    assert.equal(doorman.guards(endpoints), false);
    await assert.rejects(arm(), { code: 'JITSU_BACKEND_FAILED', message: /web has no socket/ });
    sockets = [tcp, udp];
    assert.equal(doorman.guards(endpoints), true);
    udp.failure = new Error('EMFILE');
    await assert.rejects(arm(), { code: 'JITSU_BACKEND_FAILED', message: /web cannot be watched: EMFILE/ });
    assert.equal(tcp.isWatched, false);
  });

  it('is told of where nobody can look at it', async () => {
    hear();
    await arm();
    tcp.failure = new Error('EPERM');
    tcp.arrive('a');
    await doorman.release('web', 'refuse');
    assert.deepEqual(
      logger.entries.map(({ message }) => message),
      [
        'Nobody can say whether something waits at tcp 127.0.0.1:80 for web: EPERM',
        'What waits for web cannot be refused: EPERM',
      ],
    );
  });

  it('is nobody’s any more at the end, nor heard by who does not listen any more', async () => {
    const hearing = hear();
    await arm();
    hearing[Symbol.dispose]();
    tcp.arrive('a');
    await doorman.close();
    assert.deepEqual([knocks, tcp.isWatched, udp.isWatched], [[], false, false]);
  });

  it('does not hold the event loop up, however many datagrams are refused', async () => {
    hear();
    verdict = () => 'refuse';
    await arm();
    udp.arrive(...Array.from({ length: 1_000 }, () => 'a'));
    assert.ok(udp.queue.length > 0 && udp.queue.length < 1_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(udp.queue, []);
  });
});
