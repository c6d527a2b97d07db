import type { Clock } from '../contracts/clock.js';
import type { ArmedService, KnockVerdict } from '../contracts/doorman.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ServicePort } from '../contracts/service-endpoints.js';
import { addressBytes } from '../net/address-bytes.js';
import { Networks } from '../net/networks.js';
import type { AskVerdict, RelayedTraffic, RelayedUnikernel } from './relay-order.js';

/** The most connections and flows of one unikernel that are held. */
const MOST_HELD = 1_024;

/** The most clients of one unikernel whose verdicts are remembered. */
const MOST_CLIENTS = 1_024;

/** How long a verdict other than `hold` goes for what else the same client sends. */
const VERDICT_LIFE: Milliseconds = 1_000;

/**
 * How long after a dropped knock a held connection knocks again: as TCP repeats its first packet (RFC 6298), which a relay
 * cannot have it do, since it has accepted the connection. Thereafter the connection is refused.
 */
const REPEATED_AFTER: readonly Milliseconds[] = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000];

/** A connection that has had no payload yet counts for this long: its client is about to send some. */
const OPENING: Milliseconds = 10_000;

/** The number of clients that are named to people. */
const NAMED_CLIENTS = 3;

/** A connection or flow that waits for the service. */
export interface Held extends ServicePort {
  /** The address of its client. */
  readonly from: string;
  /** The service answers. */
  go(): void;
  /** It is not to wait any longer. */
  refuse(): void;
  /** As `refuse`, since its packets were dropped; absent where it then waits and knocks again. */
  drop?(): void;
}

/** A connection as its service counts it. */
export interface Counted {
  readonly from: string;
  /** Whether it can be use at all, by its client and its first request. */
  readonly isUse: boolean;
  readonly openedAt: Milliseconds;
  readonly lastPayload: Milliseconds;
  /** The unikernel is armed: what has not reached the service is held. */
  hold(): void;
  /** The service answers. */
  go(): void;
  /** When payload came last, or it was opened. */
  readonly lastChange: Milliseconds;
  cut(): void;
  /** What it holds although it is open goes on. */
  pass(): void;
  /** The machine has ended: cuts it where nothing else says so. */
  refuseLost(): void;
}

/** What a client was told, since the unikernel was armed. */
interface Client {
  /** Absent while it is not known. */
  verdict?: KnockVerdict;
  until: Milliseconds;
  /** How often it has knocked in vain. */
  repeats: number;
  repeating?: Disposable;
}

/** The service of one unikernel behind its relay: whether it is armed, who waits for it and who uses it. */
export class RelayedService {
  readonly connections = new Set<Counted>();
  readonly #held = new Set<Held>();
  readonly #clients = new Map<string, Client>();
  readonly #ignored: Networks | undefined;
  #isArmed = false;
  #connections: ArmedService['connections'] = 'pass';
  #lastUse: Milliseconds = -Infinity;

  constructor(
    private readonly unikernel: Omit<RelayedUnikernel, 'ports'>,
    private readonly clock: Pick<Clock, 'now' | 'after'>,
    private readonly ask: AskVerdict,
  ) {
    if (unikernel.ignored.length > 0) this.#ignored = new Networks(unikernel.ignored);
  }

  get name(): string {
    return this.unikernel.unikernel;
  }

  get isArmed(): boolean {
    return this.#isArmed;
  }

  /** Whether what comes by its open connections is held, since they survive until it runs again. */
  get holdsConnections(): boolean {
    return this.#isArmed && this.#connections === 'hold';
  }

  /** Whether the client of this address neither wakes the unikernel nor uses it. */
  ignores(address: string): boolean {
    const bytes = this.#ignored && addressBytes(address.replace(/%.*/, ''));
    return bytes !== undefined && (this.#ignored as Networks).has(bytes);
  }

  /** @param connections what becomes of those that are open */
  arm(connections: ArmedService['connections']): void {
    this.#connections = connections;
    this.#isArmed = true;
    for (const connection of this.connections) {
      connection.hold();
      if (connections === 'pass') connection.pass();
      else if (connections === 'refuse') connection.refuseLost();
    }
  }

  release(outcome: 'deliver' | 'refuse' | 'drop'): void {
    if (!this.#isArmed) return;
    if (outcome !== 'deliver') return this.#turnAway(outcome);
    this.#isArmed = false;
    for (const { repeating } of this.#clients.values()) repeating?.[Symbol.dispose]();
    this.#clients.clear();
    const held = [...this.#held, ...this.connections];
    this.#held.clear();
    for (const each of new Set(held)) each.go();
  }

  /** Ends what is held; but for what has knocked and has no verdict yet, which decides of it. */
  #turnAway(outcome: 'refuse' | 'drop'): void {
    for (const [from, { verdict, repeating }] of this.#clients) {
      if (verdict === undefined) continue;
      repeating?.[Symbol.dispose]();
      this.#clients.delete(from);
    }
    for (const each of [...this.#held]) {
      const client = this.#clients.get(each.from);
      if (client?.verdict === undefined && client !== undefined) continue;
      if (outcome === 'refuse') this.#end(each, 'refuse');
      else this.#dropped(each, client ?? this.#droppedClient(each.from));
    }
  }

  /** Has something wait, until it goes on or is refused. It knocks, unless its client has knocked already. */
  hold(held: Held): void {
    if (this.#held.has(held)) return;
    if (this.#held.size >= MOST_HELD || this.ignores(held.from)) return held.refuse();
    this.#held.add(held);
    const known = this.#clients.get(held.from);
    if (known === undefined) return this.#knock(held);
    // Where it was dropped, it has its own turn to knock again as soon as there is something that waits.
    const isOver = known.until <= this.clock.now() && known.repeating === undefined;
    if (isOver) return this.#knock(held);
    if (known.verdict === 'refuse') this.#end(held, 'refuse');
    else if (known.verdict === 'drop') this.#dropped(held, known);
  }

  /** It does not wait any longer, by itself. */
  forget(held: Held): void {
    this.#held.delete(held);
  }

  /** A packet came that counts as use. */
  used(at: Milliseconds): void {
    if (at > this.#lastUse) this.#lastUse = at;
  }

  /** Cuts the connections that have had no payload since then. */
  cutIdle(since: Milliseconds): void {
    for (const connection of this.connections) if (connection.lastChange <= since) connection.cut();
  }

  observe(): RelayedTraffic {
    const now = this.clock.now();
    const clients = new Set<string>();
    let count = 0;
    for (const { from, isUse, openedAt, lastPayload } of this.connections) {
      if (!isUse) continue;
      const isYoung = now - openedAt <= Math.min(OPENING, this.unikernel.idle);
      if (now - lastPayload > this.unikernel.idle && !isYoung) continue;
      count += 1;
      if (clients.size < NAMED_CLIENTS) clients.add(from);
    }
    const since = this.#lastUse === -Infinity ? {} : { sinceLastPacket: now - this.#lastUse };
    return { connections: count, ...since, clients: [...clients] };
  }

  #knock(held: Held, before?: Client): void {
    const { from, protocol, port } = held;
    const client: Client = { until: Infinity, repeats: before?.repeats ?? 0 };
    this.#remember(from, client);
    void this.ask({ unikernel: this.name, protocol, port, from }).then((verdict) => {
      if (this.#clients.get(from) !== client) return;
      client.verdict = verdict;
      if (verdict === 'hold') return;
      client.until = this.clock.now() + VERDICT_LIFE;
      for (const each of [...this.#held]) {
        if (each.from !== from) continue;
        if (verdict === 'refuse') this.#end(each, 'refuse');
        else this.#dropped(each, client);
      }
    });
  }

  #remember(from: string, client: Client): void {
    this.#clients.delete(from);
    const [oldest] = this.#clients.keys();
    if (this.#clients.size >= MOST_CLIENTS && oldest !== undefined) {
      // It knocks anew with its next packet; what waits of it goes on with the others.
      this.#clients.get(oldest)?.repeating?.[Symbol.dispose]();
      this.#clients.delete(oldest);
    }
    this.#clients.set(from, client);
  }

  #droppedClient(from: string): Client {
    const client: Client = { verdict: 'drop', until: this.clock.now() + VERDICT_LIFE, repeats: 0 };
    this.#remember(from, client);
    return client;
  }

  #dropped(held: Held, client: Client): void {
    if (held.drop) return this.#end(held, 'drop');
    if (client.repeating !== undefined) return;
    const pause = REPEATED_AFTER[client.repeats];
    if (pause === undefined) return this.#end(held, 'refuse');
    client.repeats += 1;
    client.repeating = this.clock.after(pause, () => {
      delete client.repeating;
      const next = [...this.#held].find((each) => each.from === held.from && each.drop === undefined);
      if (next !== undefined && this.#clients.get(held.from) === client) this.#knock(next, client);
    });
  }

  #end(held: Held, how: 'refuse' | 'drop'): void {
    this.#held.delete(held);
    if (how === 'drop' && held.drop) held.drop();
    else held.refuse();
  }
}
