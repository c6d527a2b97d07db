import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage } from '../errors.js';
import { addressBytes } from '../net/address-bytes.js';
import { isLoopback, plainAddress } from '../net/own-address.js';
import type { Neighbours } from '../plugin-kit/neighbours.js';
import { pauseAfter } from '../plugin-kit/poll-until.js';
import { isUnicastMac } from '../plugin-kit/unicast-mac.js';
import type { Unikernel } from './unikernel.js';

/** How long a machine that has the address may take to say so, when the kernel asks for it. */
const ANSWERS_WITHIN: Milliseconds = 20;

/** The interval at which the kernel asks again all the same: the guest may have given itself another MAC address. */
const ASK_AGAIN: Milliseconds = 500;

/** How long each MAC address is tried of a machine with several, before the next one. */
const TURN: Milliseconds = 50;

/** The shortest interval between two looks at what the kernel knows. */
const SHORTEST_PAUSE: Milliseconds = 5;

/** Tells the kernel where a machine is, or without a MAC address has it ask: `Neighbours.tell` and `ask`. */
export type NeighbourChange = (address: string, mac: string | undefined) => void | Promise<void>;

/** What can be read of the kernel, and told to it. */
export type KnownNeighbours = Pick<Neighbours, 'knowledge' | 'tell' | 'ask' | typeof Symbol.dispose>;

/** The wait for the probes of one unikernel. */
export interface NeighbourWait {
  /** The kernel is told nothing from now on: a probe concludes from what it finds out by itself. */
  leave(): void;
  /** The wait has ended. @param answered whether all probes are satisfied */
  end(answered: boolean): void;
}

/**
 * Tells the kernel where guests are that are booting, by the MAC addresses that their backends know. The kernel asks for
 * a neighbour once a second (ARP, neighbour discovery), and sends nothing to it before that: a guest that did not answer
 * the first time, as it was not up, would be found up to a second too late.
 *
 * Nobody else is cut off by that: the kernel is told only what it has asked for in vain. What it is told ends by itself
 * in less than a minute, as if the guest had answered.
 */
export class GuestNeighbours implements Disposable {
  #neighbours: Promise<KnownNeighbours> | undefined;
  /** Whether this process, or the one that has kept root, may not, or cannot. */
  #isOff = false;
  readonly #waits = new Set<Wait>();

  /**
   * @param open called when it is first needed
   * @param byRoot how another process is asked to tell the kernel; `undefined` where this one does
   */
  constructor(
    private readonly open: () => Promise<KnownNeighbours>,
    private readonly byRoot: () => NeighbourChange | undefined,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** To be called when the probes of a unikernel are about to be asked; `undefined` where there is nothing to tell. */
  during(unikernel: Unikernel): NeighbourWait | undefined {
    if (this.#isOff || unikernel.macs.length === 0 || unikernel.plan.probes.length === 0) return undefined;
    const macs = unikernel.macs.map((mac) => mac.toLowerCase()).filter(isUnicastMac);
    if (macs.length === 0) return undefined;
    const wait: Wait = new Wait(unikernel, macs, this.clock, {
      pause: (waited) => Math.max(SHORTEST_PAUSE, pauseAfter(waited, this.#waits.size)),
      failed: (error) => this.#failed(error),
      ended: () => this.#waits.delete(wait),
    });
    this.#waits.add(wait);
    void this.#begin(wait);
    return wait;
  }

  [Symbol.dispose](): void {
    this.#isOff = true;
    for (const wait of this.#waits) wait.stop();
    void this.#neighbours?.then(
      (neighbours) => neighbours[Symbol.dispose](),
      () => undefined,
    );
  }

  async #begin(wait: Wait): Promise<void> {
    try {
      const neighbours = await (this.#neighbours ??= this.open());
      const byItself: NeighbourChange = (address, mac) =>
        mac === undefined ? neighbours.ask(address) : neighbours.tell(address, mac);
      if (!this.#isOff) wait.begin(neighbours, this.byRoot() ?? byItself);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#isOff) return;
    this.#isOff = true;
    for (const wait of this.#waits) wait.stop();
    const why = errorCode(error) === 'EPERM' ? 'it takes CAP_NET_ADMIN' : errorMessage(error);
    this.logger.debug({ error }, `the kernel is not told the MAC addresses of booting guests: ${why}`);
  }
}

/** The addresses of which the kernel may be told later, as far as they are known. */
export function* guestAddresses(unikernels: Iterable<Unikernel>): Iterable<string> {
  for (const { plan, macs, addresses } of unikernels) {
    // Whether one whose backend cannot be asked yet has MAC addresses is not known.
    const mayHaveMacs = macs.length > 0 || plan.id === '';
    if (!mayHaveMacs || plan.probes.length === 0) continue;
    for (const address of addresses) if (!isLoopback(plainAddress(address))) yield address;
  }
}

/** What is known of one address. */
interface AddressState {
  /** When the kernel began to ask for it last. */
  askedAt: Milliseconds | undefined;
  /** Its possible MAC addresses, the likeliest first. */
  macs: readonly string[];
  /** What the kernel was told last. */
  told: string | undefined;
  /** Since when it is told, and one is tried after the other. */
  toldAt: Milliseconds;
  /** Whether what is told, or asked for, has not got to the kernel yet. */
  pending: boolean;
  /** Somebody else has it, or somebody has fixed where it is. */
  left: boolean;
}

interface WaitContext {
  readonly pause: (waited: Milliseconds) => Milliseconds;
  readonly failed: (error: unknown) => void;
  readonly ended: () => void;
}

class Wait implements NeighbourWait {
  readonly #addresses = new Map<string, AddressState>();
  readonly #begun: Milliseconds;
  #neighbours: KnownNeighbours | undefined;
  #change: NeighbourChange = () => undefined;
  #next: Disposable | undefined;
  #isOver = false;

  constructor(
    private readonly unikernel: Unikernel,
    private readonly macs: readonly string[],
    private readonly clock: Clock,
    private readonly context: WaitContext,
  ) {
    this.#begun = clock.now();
  }

  begin(neighbours: KnownNeighbours, change: NeighbourChange): void {
    if (this.#isOver) return;
    this.#neighbours = neighbours;
    this.#change = change;
    this.#look();
  }

  leave(): void {
    this.end(false);
  }

  end(answered: boolean): void {
    if (this.#isOver) return;
    this.stop();
    for (const [address, state] of this.#addresses) {
      const { told, left, macs } = state;
      // What may be wrong is not left behind: the kernel finds out by itself.
      if (told !== undefined && !left && (!answered || macs.length > 1)) this.#tell(address, state, undefined);
    }
  }

  /** Without a word to the kernel. */
  stop(): void {
    this.#isOver = true;
    this.#next?.[Symbol.dispose]();
    this.context.ended();
  }

  #look(): void {
    try {
      for (const address of this.unikernel.addresses) this.#lookAt(address);
    } catch (error) {
      return this.context.failed(error);
    }
    if (this.#isOver) return;
    this.#next = this.clock.after(this.context.pause(this.clock.now() - this.#begun), () => this.#look());
  }

  #lookAt(address: string): void {
    const state = this.#addresses.get(address) ?? this.#found(address);
    if (state.left || state.pending) return;
    const knowledge = (this.#neighbours as KnownNeighbours).knowledge(address);
    // An interface may come with the guest.
    if (knowledge === 'elsewhere') return;
    const now = this.clock.now();
    if (knowledge === 'fixed') {
      state.left = true;
    } else if (state.told !== undefined && now - (state.askedAt as Milliseconds) >= ASK_AGAIN) {
      state.askedAt = now;
      this.#tell(address, state, undefined);
    } else if (typeof knowledge === 'object' && state.macs.includes(knowledge.mac)) {
      state.askedAt ??= now;
      // The guest has answered by itself, now or in an earlier run.
      if (knowledge.mac !== state.told) state.macs = [knowledge.mac];
      const mac = macAt(state, now);
      if (!knowledge.reachable || knowledge.mac !== mac) this.#tell(address, state, mac);
    } else if (state.askedAt === undefined) {
      state.askedAt = now;
      if (knowledge !== 'asking') this.#tell(address, state, undefined);
    } else if (typeof knowledge === 'object') {
      state.left = true;
    } else if (now - state.askedAt >= ANSWERS_WITHIN) {
      this.#tell(address, state, macAt(state, now));
    }
  }

  #found(address: string): AddressState {
    const macs = macsFor(address, this.macs);
    const state = { askedAt: undefined, macs, told: undefined, toldAt: 0, pending: false, left: false };
    this.#addresses.set(address, state);
    return state;
  }

  #tell(address: string, state: AddressState, mac: string | undefined): void {
    if (mac !== undefined && state.told === undefined) state.toldAt = this.clock.now();
    state.told = mac ?? state.told;
    state.pending = true;
    void this.#carryOut(address, mac).then(
      () => (state.pending = false),
      (error: unknown) => {
        // An address that was found only later was not allowed.
        if (errorCode(error) === 'JITSU_BACKEND_DENIED') state.left = true;
        else this.context.failed(error);
      },
    );
  }

  async #carryOut(address: string, mac: string | undefined): Promise<void> {
    await this.#change(address, mac);
  }
}

/** The MAC address whose turn it is. */
function macAt({ macs, told, toldAt }: AddressState, now: Milliseconds): string {
  const turn = told === undefined ? 0 : Math.floor((now - toldAt) / TURN);
  return macs[turn % macs.length] as string;
}

/** Those that a machine may have at an address: one alone where the address tells (RFC 4291, appendix A). */
function macsFor(address: string, macs: readonly string[]): readonly string[] {
  const bytes = addressBytes(address);
  if (bytes?.length !== 16 || bytes[11] !== 0xff || bytes[12] !== 0xfe) return macs;
  const [first = 0, second = 0, third = 0, , , ...rest] = bytes.subarray(8);
  const mac = [first ^ 0x02, second, third, ...rest].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return macs.includes(mac) ? [mac] : macs;
}
