import assert from 'node:assert/strict';
import { guestAddresses, GuestNeighbours, type NeighbourChange } from '#core/lifecycle/guest-neighbours.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import type { NeighbourKnowledge } from '#core/plugin-kit/neighbours.js';
import { JitsuError } from '#core/errors.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const MAC = '02:16:3e:00:00:01';
const SECOND = '02:16:3e:00:00:02';
const STRANGER = '02:16:3e:00:00:99';
const ADDRESS = '192.0.2.7';

describe('what the kernel is told of booting guests', () => {
  let clock: ManualClock;
  let logger: MemoryLogger;
  /** What it knows, by address; it asks where it knows nothing. */
  let known: Map<string, NeighbourKnowledge>;
  /** Who has an address, and answers when it is asked for. */
  let owners: Map<string, string>;
  let told: string[];
  let opened: number;
  let closed: number;
  let refusal: Error | undefined;
  let byRoot: NeighbourChange | undefined;
  let neighbours: GuestNeighbours;

  const refuse = (): void => {
    if (refusal) throw refusal;
  };

  beforeEach(() => {
    clock = new ManualClock();
    logger = new MemoryLogger();
    known = new Map();
    owners = new Map();
    told = [];
    [opened, closed, refusal, byRoot] = [0, 0, undefined, undefined];
    const kernel = {
      knowledge: (address: string) => known.get(address) ?? 'unknown',
      tell: (address: string, mac: string) => {
        refuse();
        told.push(`${address} ${mac}`);
        known.set(address, { mac, reachable: true });
      },
      ask: (address: string) => {
        refuse();
        told.push(`${address} ?`);
        const mac = owners.get(address);
        known.set(address, mac === undefined ? 'asking' : { mac, reachable: true });
      },
      [Symbol.dispose]: () => void (closed += 1),
    };
    const open = () => (opened++, Promise.resolve(kernel));
    neighbours = new GuestNeighbours(open, () => byRoot, clock, logger);
  });

  afterEach(() => neighbours[Symbol.dispose]());

  function guest(macs: readonly string[] = [MAC], addresses: readonly string[] = [ADDRESS], probes = 1): Unikernel {
    const plan = { id: 'id', probes: Array<object>(probes).fill({}) };
    return { name: 'web', macs, addresses, plan } as unknown as Unikernel;
  }

  it('is nothing without MAC addresses of single machines, or without probes, and opens nothing', async () => {
    for (const unikernel of [guest([]), guest(['ff:ff:ff:ff:ff:ff', '']), guest([MAC], [ADDRESS], 0)]) {
      assert.equal(neighbours.during(unikernel), undefined);
    }
    await clock.advance(1_000);
    assert.equal(opened, 0);
  });

  it('is where a guest is when nobody else has its address, until it is ready', async () => {
    const wait = neighbours.during(guest([MAC.toUpperCase()]));
    await clock.advance(0);
    assert.deepEqual(told, [`${ADDRESS} ?`]);
    await clock.advance(19);
    assert.equal(told.length, 1);
    await clock.advance(6);
    assert.deepEqual(told.slice(1), [`${ADDRESS} ${MAC}`]);
    // As where the interface loses its carrier, and after half a minute.
    known.delete(ADDRESS);
    await clock.advance(10);
    known.set(ADDRESS, { mac: MAC, reachable: false });
    await clock.advance(10);
    assert.deepEqual(told.slice(2), Array(2).fill(`${ADDRESS} ${MAC}`));
    wait?.end(true);
    await clock.advance(1_000);
    assert.equal(told.length, 4);
    assert.equal(clock.pending, 0);
  });

  it('is not asked for where the kernel asks already, and told at once where it is known from before', async () => {
    known.set(ADDRESS, 'asking');
    known.set('2001:db8::7', { mac: MAC, reachable: false });
    neighbours.during(guest([MAC], [ADDRESS, '2001:db8::7']));
    await clock.advance(0);
    assert.deepEqual(told, [`2001:db8::7 ${MAC}`]);
    await clock.advance(25);
    assert.deepEqual(told.slice(1), [`${ADDRESS} ${MAC}`]);
  });

  it('is nothing about an address that somebody else has', async () => {
    const wait = neighbours.during(guest());
    await clock.advance(10);
    known.set(ADDRESS, { mac: STRANGER, reachable: true });
    await clock.advance(5_000);
    wait?.end(false);
    assert.deepEqual(told, [`${ADDRESS} ?`]);
  });

  it('is asked for where what is known is not of the guest, as after it has got another MAC address', async () => {
    known.set(ADDRESS, { mac: STRANGER, reachable: true });
    neighbours.during(guest());
    await clock.advance(25);
    assert.deepEqual(told, [`${ADDRESS} ?`, `${ADDRESS} ${MAC}`]);
  });

  it('is nothing about an address that people have fixed, or that is not on Ethernet until it is', async () => {
    known.set(ADDRESS, 'fixed');
    known.set('192.0.2.8', 'elsewhere');
    neighbours.during(guest([MAC], [ADDRESS, '192.0.2.8']));
    await clock.advance(1_000);
    assert.deepEqual(told, []);
    known.delete(ADDRESS);
    known.delete('192.0.2.8');
    await clock.advance(100);
    assert.deepEqual(told, ['192.0.2.8 ?', `192.0.2.8 ${MAC}`]);
  });

  it('is taken back where the guest has not answered', async () => {
    const wait = neighbours.during(guest());
    await clock.advance(25);
    wait?.end(false);
    wait?.end(false);
    assert.deepEqual(told.slice(2), [`${ADDRESS} ?`]);
    assert.equal(clock.pending, 0);
  });

  it('is taken back, and nothing more, for a probe that looks at what the kernel finds out', async () => {
    const wait = neighbours.during(guest());
    await clock.advance(25);
    wait?.leave();
    known.delete(ADDRESS);
    await clock.advance(1_000);
    wait?.end(true);
    assert.deepEqual(told.slice(2), [`${ADDRESS} ?`]);
  });

  it('is asked for again twice a second, so that a guest with another MAC address is found all the same', async () => {
    const wait = neighbours.during(guest());
    await clock.advance(600);
    assert.deepEqual(told, [`${ADDRESS} ?`, `${ADDRESS} ${MAC}`, `${ADDRESS} ?`, `${ADDRESS} ${MAC}`]);
    owners.set(ADDRESS, STRANGER);
    await clock.advance(5_000);
    wait?.end(true);
    assert.deepEqual(told.slice(4), [`${ADDRESS} ?`]);
  });

  it('is one MAC address after the other of a guest with several, and none when it is ready', async () => {
    const wait = neighbours.during(guest([MAC, SECOND]));
    await clock.advance(130);
    const [one, other] = [`${ADDRESS} ${MAC}`, `${ADDRESS} ${SECOND}`];
    assert.deepEqual(told, [`${ADDRESS} ?`, one, other, one]);
    wait?.end(true);
    assert.deepEqual(told.slice(4), [`${ADDRESS} ?`]);
  });

  it('is the one of several MAC addresses that the guest has answered with, or that its address tells', async () => {
    const tells = '2001:db8::16:3eff:fe00:2';
    known.set(ADDRESS, { mac: SECOND, reachable: false });
    const wait = neighbours.during(guest([MAC, SECOND], [ADDRESS, tells]));
    await clock.advance(300);
    wait?.end(true);
    assert.deepEqual(told, [`${ADDRESS} ${SECOND}`, `${tells} ?`, `${tells} ${SECOND}`]);
  });

  it('is told by the process that has kept root, one order at a time', async () => {
    const orders: (() => void)[] = [];
    byRoot = async (address, mac) => {
      told.push(`root: ${address} ${mac ?? '?'}`);
      await new Promise<void>((resolve) => orders.push(resolve));
    };
    neighbours.during(guest());
    await clock.advance(100);
    assert.deepEqual(told, [`root: ${ADDRESS} ?`]);
    orders.pop()?.();
    await clock.advance(10);
    assert.deepEqual(told.slice(1), [`root: ${ADDRESS} ${MAC}`]);
  });

  it('is nothing about an address that was not allowed while there was root', async () => {
    byRoot = () => Promise.reject(new JitsuError('JITSU_BACKEND_DENIED', 'too late'));
    neighbours.during(guest());
    await clock.advance(1_000);
    assert.deepEqual(logger.lines, []);
    assert.notEqual(neighbours.during(guest()), undefined);
  });

  it('is nothing without the right to it, which is logged once', async () => {
    refusal = Object.assign(new Error('netlink EPERM'), { code: 'EPERM' });
    neighbours.during(guest());
    neighbours.during(guest());
    await clock.advance(1_000);
    assert.equal(neighbours.during(guest()), undefined);
    assert.deepEqual(logger.lines, [
      'debug: the kernel is not told the MAC addresses of booting guests: it takes CAP_NET_ADMIN',
    ]);
    assert.equal(clock.pending, 0);
  });

  it('is nothing any more when Jitsu ends', async () => {
    neighbours.during(guest());
    await clock.advance(25);
    neighbours[Symbol.dispose]();
    await clock.advance(1_000);
    assert.equal(told.length, 2);
    assert.deepEqual([closed, clock.pending], [1, 0]);
  });

  it('may be about the addresses of all guests that have MAC addresses, or may have them', () => {
    const late = { ...guest([], ['192.0.2.9']), plan: { id: '', probes: [{}] } } as unknown as Unikernel;
    const all = [
      ...[guest(), guest([]), late, guest([MAC], ['127.0.0.1', '2001:db8::1', '::1']), guest([MAC], ['192.0.2.8'], 0)],
    ];
    assert.deepEqual([...guestAddresses(all)], [ADDRESS, '192.0.2.9', '2001:db8::1']);
  });
});
