import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeReply } from '../support/dns-message.js';
import type { Numbers } from '../support/numbers-from.js';
import { bootingNames, readyNames, type ServedName } from './soak-setting.js';
import { UPSTREAM_ADDRESS, type SoakUpstream } from './soak-upstream.js';
import type { StubResolver } from './stub-resolver.js';
import { Tally } from './tally.js';

const READY_EACH = 5; // ms
const FORWARDED_EACH = 20; // ms
const BOOT_EACH = 250; // ms
/** How many names are asked for again and again, out of the cache; as many queries are for names never heard of. */
const POPULAR = 200;

/** Queries as they come on any day, each of which has a right answer. */
export class SteadyTraffic {
  readonly ready = new Tally();
  readonly forwarded = new Tally();
  readonly booted = new Tally();
  #fresh = 0;

  constructor(
    private readonly stub: StubResolver,
    private readonly upstream: SoakUpstream,
    private readonly guestPort: number,
    private readonly next: Numbers,
  ) {}

  /** Goes on until the signal aborts, and resolves when the last query is settled. */
  async flow(signal: AbortSignal): Promise<void> {
    await Promise.all([
      repeat(READY_EACH, signal, () => this.#askServed(this.ready, pick(readyNames, this.next))),
      repeat(FORWARDED_EACH, signal, () => this.#askForwarded()),
      repeat(BOOT_EACH, signal, () => this.#boot(pick(bootingNames, this.next))),
    ]);
  }

  async #askServed(tally: Tally, { name, address }: ServedName): Promise<boolean> {
    return this.#ask(tally, name, [address]);
  }

  /** While the upstream fares badly, what has not been heard of before can only fail, but it must not be ignored. */
  async #askForwarded(): Promise<void> {
    const popular = this.next(2) === 0;
    const name = popular ? `popular${this.next(POPULAR)}.elsewhere.test` : `name${this.#fresh++}.elsewhere.test`;
    await this.#ask(this.forwarded, name, [UPSTREAM_ADDRESS], () => this.upstream.mood !== 'well');
  }

  /** An answer is a promise that the service is up. */
  async #boot(booting: ServedName): Promise<void> {
    const answered = await this.#askServed(this.booted, booting);
    if (!answered || (await takesConnection(booting.address, this.guestPort))) return;
    this.booted.fault('wrong', `${booting.name} was answered, and nobody listened at ${booting.address}`);
  }

  async #ask(
    tally: Tally,
    name: string,
    expected: readonly string[],
    mayFail = (): boolean => false,
  ): Promise<boolean> {
    tally.asked += 1;
    const excusedBefore = mayFail();
    const asked = performance.now();
    const answer = await this.stub.ask(name);
    if (answer === undefined) {
      tally.fault('missing', `${name} was asked for in vain`);
      return false;
    }
    if (answer.attempts === 1) tally.answered(performance.now() - asked);
    else tally.repeated += 1;
    const { rcode, answers = [] } = decodeReply(answer.message);
    if (rcode === 'SERVFAIL' && (excusedBefore || mayFail())) return false;
    const addresses = answers.flatMap((record) => (record.type === 'A' ? [record.data] : []));
    if (addresses.join() === expected.join()) return true;
    tally.fault('wrong', `${name} got ${rcode} and ${addresses.join(' ') || 'no address'}`);
    return false;
  }
}

/**
 * Begins a task each so many milliseconds, whether or not those before it have ended. What a busy machine has held up is
 * not made up for: a burst would only show how much a socket can hold.
 */
async function repeat(interval: number, signal: AbortSignal, task: () => Promise<unknown>): Promise<void> {
  const running = new Set<Promise<unknown>>();
  for (let due = performance.now(); !signal.aborted; due = Math.max(due + interval, performance.now())) {
    await sleep(Math.max(0, due - performance.now()));
    const run = task().finally(() => running.delete(run));
    running.add(run);
  }
  await Promise.all(running);
}

function pick<T>(values: readonly T[], next: Numbers): T {
  return values[next(values.length)] as T;
}

function takesConnection(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
