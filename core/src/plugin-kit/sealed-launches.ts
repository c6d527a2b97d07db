import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import type { LaunchDetails, ProgramSignal, Variables } from '../contracts/spawner.js';
import { OF_USER } from './child-environment.js';
import { HEAD_START, type JitsuUser, type ListedLaunch, type PassedLaunch, type SealedOrder } from './spawn-order.js';
import { isUnicastMac } from './unicast-mac.js';

/** The most groups of one launch that may run. Jitsu itself starts it again when what is left of it is being ended. */
const MOST_GROUPS = 4;

/** The most addresses that a probe is told. */
const MOST_ADDRESSES = 64;

/** The length of an address as text, with a zone (RFC 4007, 11). */
const LONGEST_ADDRESS = 64;

const NONCE = /^[0-9a-f]{32}$/;

/** A uuid. */
const ID = /^[0-9A-Fa-f-]{36}$/;

/** What is not carried out. */
export class Refusal extends Error {
  readonly code = 'JITSU_BACKEND_DENIED';

  /** @param number of the order; `undefined` where it has none */
  constructor(
    message: string,
    readonly number?: number,
  ) {
    super(message);
  }
}

/** What may be launched, as it was listed before the seal. */
export class SealedLaunches {
  readonly #inherited: Variables[] = [];
  /** As text, which takes a fraction of the memory. */
  readonly #launches = new Map<string, string>();

  list(inherited: readonly Variables[], launches: Iterable<readonly [key: string, launch: ListedLaunch]>): void {
    this.#inherited.push(...inherited);
    for (const [key, launch] of launches) this.#launches.set(key, JSON.stringify(launch));
  }

  /** @throws Refusal */
  find(number: number, key: string, user: JitsuUser): PassedLaunch {
    const text = this.#launches.get(key);
    if (text === undefined) throw new Refusal('this launch was not allowed before Jitsu gave up root', number);
    const { inherited, ...launch } = JSON.parse(text) as ListedLaunch;
    const known = { ...launch, inherited: inherited === undefined ? undefined : this.#inherited[inherited] };
    if (launch.account !== 'jitsu') return known;
    // That of the user who started Jitsu, and not of the one that it has become.
    const env = Object.entries(launch.env ?? {}).filter(([name]) => !OF_USER.test(name));
    return { ...known, env: Object.fromEntries(env), account: user };
  }
}

/**
 * Checks an order of a process that may have been taken over, down to its last value.
 * @param usual the niceness with which Jitsu was started
 * @throws Refusal
 */
export function checkOrder(message: unknown, usual: number): SealedOrder {
  if (typeof message !== 'object' || message === null) throw new Refusal('an order is no object');
  const order = message as Readonly<Record<string, unknown>>;
  const { number } = order;
  if (!isWhole(number)) throw new Refusal('an order has no number');
  const refuse = (what: string): never => {
    throw new Refusal(what, number);
  };
  const has = (...names: string[]): boolean => {
    const all = ['number', ...names];
    return Object.keys(order).length === all.length && all.every((name) => Object.hasOwn(order, name));
  };
  if (has('key', 'details')) {
    const { key, details } = order;
    if (typeof key !== 'string') return refuse('a key is no text');
    return { number, key, details: checkDetails(details, refuse) };
  }
  if (has('key', 'details', 'silent')) {
    const { key, details, silent } = order;
    if (typeof key !== 'string' || silent !== true) return refuse('a key is no text');
    return { number, key, details: checkDetails(details, refuse), silent };
  }
  if (has('key', 'release')) {
    const { key, release } = order;
    if (typeof key !== 'string' || release !== true) return refuse('a key is no text');
    return { number, key, release };
  }
  if (has('key', 'folder')) {
    const { key, folder } = order;
    if (typeof key !== 'string' || folder !== true) return refuse('a key is no text');
    return { number, key, folder };
  }
  if (has('group', 'signal')) {
    const { group, signal } = order;
    if (!isWhole(group) || group < 2) return refuse('a group is no number of a process');
    if (!isSignal(signal)) return refuse('a signal is none of those that Jitsu sends');
    return { number, group, signal };
  }
  if (has('thread', 'niceness')) {
    const { thread, niceness } = order;
    if (!isWhole(thread) || thread < 1) return refuse('a thread is no number of a thread');
    if (!Number.isSafeInteger(niceness)) return refuse('a niceness is no whole number');
    const value = niceness as number;
    if (value > 19 || value < Math.max(usual - HEAD_START, -20)) return refuse('a niceness is none that Jitsu sets');
    return { number, thread, niceness: value };
  }
  if (has('neighbour', 'mac')) {
    const { neighbour, mac } = order;
    if (typeof neighbour !== 'string') return refuse('an address is no text');
    if (typeof mac !== 'string' || !isUnicastMac(mac)) return refuse('a MAC address is none of one machine');
    return { number, neighbour, mac };
  }
  if (has('neighbour', 'ask')) {
    const { neighbour, ask } = order;
    if (typeof neighbour !== 'string' || ask !== true) return refuse('an address is no text');
    return { number, neighbour, ask };
  }
  return refuse('an order is none that may be given once Jitsu has given up root');
}

/** @throws Refusal where there are too many */
export function checkCount(number: number, count: number): void {
  if (count >= MOST_GROUPS) throw new Refusal(`${count} processes of this launch run already`, number);
}

/** @throws Refusal unless it is a thread of that process */
export function checkThread(number: number, thread: number, pid: number): void {
  if (!existsSync(`/proc/${pid}/task/${thread}`)) throw new Refusal('a thread is none of Jitsu', number);
}

function checkDetails(details: unknown, refuse: (what: string) => never): LaunchDetails {
  if (typeof details !== 'object' || details === null) return refuse('details are no object');
  const { nonce, id, addresses, ...others } = details as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0) return refuse('details hold more than a nonce, an id and addresses');
  if (nonce !== undefined && !(typeof nonce === 'string' && NONCE.test(nonce))) return refuse('a nonce is malformed');
  if (id !== undefined && !(typeof id === 'string' && ID.test(id))) return refuse('an id is malformed');
  if (addresses !== undefined && !isAddresses(addresses)) return refuse('addresses are malformed');
  return {
    ...(nonce !== undefined && { nonce }),
    ...(id !== undefined && { id }),
    ...(addresses !== undefined && { addresses }),
  };
}

function isAddresses(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= MOST_ADDRESSES &&
    value.every((address) => typeof address === 'string' && address.length <= LONGEST_ADDRESS && isIP(address) !== 0)
  );
}

function isSignal(value: unknown): value is ProgramSignal {
  return value === 'SIGTERM' || value === 'SIGKILL' || value === 'SIGSTOP' || value === 'SIGCONT';
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
