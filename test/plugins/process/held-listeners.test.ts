import assert from 'node:assert/strict';
import { ManualClock } from '#core/testing/manual-clock.js';
import { HeldListeners } from '#process/held-listeners.js';
import { listenOption, type ListenEndpoint } from '#process/listen-option.js';
import type { ListeningSocket, ListeningSockets } from '#process/listening-socket.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const ID = '01234567-89ab-4def-8123-456789abcdef';

/** Sockets of nobody: what each call says is set by the test. */
class FakeWays implements ListeningSockets {
  readonly opened: string[] = [];
  readonly closed: string[] = [];
  failures: (string | undefined)[] = [];
  fromProgram: 'absent' | 'there' | Error = 'absent';
  waiting = 0;
  readonly datagrams: (number | undefined)[] = [];

  async open(endpoint: ListenEndpoint): Promise<ListeningSocket> {
    const code = this.failures.shift();
    if (code !== undefined) throw Object.assign(new Error(`bind ${code}`), { code });
    return this.#socket(endpoint);
  }

  takeBack(endpoint: ListenEndpoint): ListeningSocket | undefined {
    if (this.fromProgram instanceof Error) throw this.fromProgram;
    return this.fromProgram === 'there' ? this.#socket(endpoint) : undefined;
  }

  close(): void {
    this.closed.push('all');
  }

  #socket(endpoint: ListenEndpoint): ListeningSocket {
    const words = `${endpoint.protocol} ${endpoint.address} ${endpoint.port}`;
    this.opened.push(words);
    const socket = {
      ...endpoint,
      forLaunch: () => ({ name: endpoint.name, descriptor: this.opened.length }),
      backlog: () => this.waiting,
      lastDatagram: () => this.datagrams[Number(/\d+$/.exec(words)?.[0])],
      close: () => void this.closed.push(words),
    };
    return socket as unknown as ListeningSocket;
  }
}

describe('the sockets that Jitsu holds for programs', () => {
  let clock: ManualClock;
  let logger: MemoryLogger;
  let ways: FakeWays;
  let held: HeldListeners;

  beforeEach(() => {
    clock = new ManualClock();
    logger = new MemoryLogger();
    ways = new FakeWays();
    held = new HeldListeners(clock, logger, () => Promise.resolve(ways));
  });

  const web = (words: string | string[] = 'tcp:80=http', ip = ['10.0.0.1', '::1']) => ({
    ...{ id: ID, name: 'web', ip },
    confinement: { listen: listenOption.parse(words) },
  });

  it('know the last datagram, and not that there was none where one of them cannot tell', async () => {
    assert.equal(held.lastDatagram(ID), undefined);
    await held.open(web(['tcp:9', 'udp:1', 'udp:2'], ['10.0.0.1']));
    for (const [first, second, last] of [
      [undefined, undefined, undefined],
      [-Infinity, undefined, undefined],
      [-Infinity, -Infinity, -Infinity],
      [5, undefined, 5],
      [5, 7, 7],
      [5, -Infinity, 5],
    ] as const) {
      ways.datagrams[1] = first;
      ways.datagrams[2] = second;
      assert.equal(held.lastDatagram(ID), last);
    }
    held.close();
    assert.equal(held.lastDatagram(ID), undefined);
  });

  it('are opened once, at each address, and closed at the end', async () => {
    await held.open(web());
    await held.open(web());
    assert.deepEqual(ways.opened, ['tcp 10.0.0.1 80', 'tcp ::1 80']);
    assert.deepEqual(
      held.forLaunch(ID)?.map(({ name }) => name),
      ['http', 'http'],
    );
    held.close();
    await clock.advance(0);
    assert.deepEqual(ways.closed, ['tcp 10.0.0.1 80', 'tcp ::1 80', 'all']);
    assert.equal(held.of(ID), undefined);
  });

  it('are none for programs without', async () => {
    await held.open({ id: ID, name: 'web' });
    assert.deepEqual([held.of(ID), held.forLaunch(ID), held.listenerOf(ID, '10.0.0.1', 80)], Array(3).fill(undefined));
  });

  it('are waited for where a Jitsu that was just killed may have them for a moment', async () => {
    ways.failures = ['EADDRINUSE', 'EADDRINUSE'];
    const opened = held.open(web('tcp:80', ['10.0.0.1']));
    await clock.advance(100);
    await opened;
    assert.deepEqual(ways.opened, ['tcp 10.0.0.1 80']);
  });

  for (const [code, failure, message] of [
    ['EADDRINUSE', 'JITSU_UNIKERNEL_UNAVAILABLE', /tcp \[::1\]:80 cannot be opened: Another program has it/],
    ['EACCES', 'JITSU_UNIKERNEL_INVALID', /below 1024, start Jitsu as root/],
    ['EMFILE', 'JITSU_UNIKERNEL_UNAVAILABLE', /bind EMFILE/],
    ['ENOSYS', 'JITSU_UNIKERNEL_INVALID', /bind ENOSYS/],
  ] as const) {
    it(`are told as failing with ${failure} after ${code}, and none of them is kept`, async () => {
      ways.failures = [undefined, ...Array<string>(20).fill(code)];
      const opened = held.open(web());
      opened.catch(() => undefined);
      for (let pauses = 0; pauses < 20; pauses += 1) await clock.advance(50);
      await assert.rejects(opened, { code: failure, message });
      assert.deepEqual(ways.closed, ['tcp 10.0.0.1 80']);
      assert.equal(held.of(ID), undefined);
    });
  }

  it('are had back from a program that an earlier Jitsu has started', async () => {
    ways.fromProgram = 'there';
    ways.failures = ['EADDRINUSE'];
    await held.open(web('tcp:80', ['10.0.0.1']), [7]);
    assert.equal(held.of(ID)?.length, 1);
  });

  it('are the program’s own where Jitsu may not have them, and Jitsu’s again after its end', async () => {
    ways.fromProgram = new Error('pidfd_getfd EPERM');
    await held.open(web('tcp:80', ['10.0.0.1']), [7]);
    await held.open(web('tcp:80', ['10.0.0.1']), [7]);
    assert.equal(held.of(ID), undefined);
    assert.match(
      logger.entries[0]?.message ?? '',
      /^web runs since before .* tcp 10\.0\.0\.1:80 \(pidfd_getfd EPERM\)/,
    );
    assert.equal(logger.entries.length, 1);
    await held.reopen(ID);
    assert.deepEqual(ways.opened, ['tcp 10.0.0.1 80']);
    await held.reopen(ID);
    await held.reopen('another');
    assert.equal(held.of(ID)?.length, 1);
  });

  it('are accepted at when fewer connections wait than before, or none for two looks', async () => {
    await held.open(web());
    const { signal } = new AbortController();
    assert.equal(held.listenerOf(ID, '10.0.0.1', 81), undefined);
    let accepted = 0;
    const wait = () =>
      held
        .listenerOf(ID, '0:0::1', 80)
        ?.untilAccepted(signal)
        .then(() => (accepted += 1)) as Promise<unknown>;
    ways.waiting = 3;
    const busy = wait();
    await clock.advance(10);
    assert.equal(accepted, 0);
    ways.waiting = 2;
    await clock.advance(10);
    await busy;
    ways.waiting = 0;
    const idle = wait();
    await clock.advance(10);
    await idle;
    assert.equal(accepted, 2);
  });
});
