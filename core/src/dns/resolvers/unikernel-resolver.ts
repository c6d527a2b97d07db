import { isIPv4, isIPv6 } from 'node:net';
import type { DnsSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { WakeCause } from '../../contracts/lifecycle-event.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { AnswerLease, DnsAnswer, DnsQuery, RecordsAnswer, Resolver } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { errorMessage } from '../../errors.js';
import { minimalAny } from './forwarding-gate.js';
import { NameTable } from './name-table.js';
import { isNameError, withoutNameError } from './name-error.js';
import type { WakeGuard } from '../admission/wake-guard.js';
import { Rcode, RecordType } from '../wire/dns-parameters.js';
import { canonicalName, parentName } from '../wire/domain-name.js';
import type { DnsUnikernel, Reachable, UnikernelService } from './unikernel-service.js';
import { Zones } from './zones.js';

/** The unikernels among which shared domains are looked for, and how many of these are told. */
const MOST_LOOKED_AT = 100;
const MOST_SHARED = 2;

/** The lease of answers that depend on the names and addresses of unikernels alone: its uses are not counted. */
class NamesLease implements AnswerLease {
  holds = true;
  private readonly listeners: (() => void)[] = [];

  onEnd(listener: () => void): void {
    if (this.holds) this.listeners.push(listener);
  }

  end(): void {
    this.holds = false;
    for (const listener of this.listeners.splice(0)) listener();
  }
}

/**
 * The TTL of the answer that a name has no records of a family whose unikernels fail, in seconds: they may be up the next
 * moment.
 */
const FAILING_TTL = 5;

/** What the resolver needs besides its settings. */
export interface ResolverDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Decides which queries may wake; without it every query may. */
  readonly guard?: WakeGuard;
  /**
   * Knows the records of other types that a name has, such as MX; `undefined` for a query that it does not pass on.
   * Without it, no name has any.
   */
  readonly elsewhere?: Resolver | undefined;
}

/**
 * Answers for the names of unikernels, and summons the unikernels of a name when the answer leads to a connection.
 * Every other question about such a name is answered without a wake; docs/dns.md has the whole table.
 */
export class UnikernelResolver<Unikernel extends DnsUnikernel> implements Resolver {
  /** The unikernels by their names. */
  readonly table: NameTable<Unikernel>;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly guard: WakeGuard | undefined;
  private readonly elsewhere: Resolver | undefined;
  private readonly zones: Zones;
  private readonly roundRobin = new RoundRobin();
  /** The number of changes of names since the start. */
  changes = 0;
  /** Ends when any name changes, which is rare. */
  private namesLease = new NamesLease();
  /** Looks for each query that waits whether its name is still found as before. */
  private readonly waiting = new Set<() => void>();
  /** Some of the domains that have names of ours, and others that are forwarded. */
  readonly sharedDomains: readonly string[];

  /** @throws RangeError for an invalid configured name */
  constructor(
    unikernels: readonly Unikernel[],
    private readonly service: UnikernelService<Unikernel>,
    settings: Pick<DnsSettings, 'zones' | 'ttl'>,
    { clock, logger, guard, elsewhere }: ResolverDependencies,
  ) {
    this.clock = clock;
    this.logger = logger;
    this.guard = guard;
    this.elsewhere = elsewhere;
    const timing = { ttl: inSeconds(settings.ttl), serial: inSeconds(clock.wallTime()) };
    this.zones = new Zones(namesOf(unikernels), settings.zones, timing);
    this.table = new NameTable(unikernels, this.zones.configuredTops);
    this.sharedDomains = this.someSharedDomains(unikernels);
  }

  /** Whether a unikernel has this name, in lower case and presentation form. */
  holds(name: string): boolean {
    return this.table.find(name)?.kind === 'entries';
  }

  /** Whether a question for an address of this name, in lower case and presentation form, is answered here. */
  answersFor(name: string): boolean {
    return this.holds(name) || this.zones.isAuthoritativeFor(name);
  }

  /** Answers for one more unikernel from now on. */
  add(unikernel: Unikernel): void {
    const { names } = unikernel.plan;
    this.rename(names, () => {
      this.table.add(unikernel);
      this.zones.add(names);
    });
  }

  /** Answers for a unikernel no more; queries that wait for it get the answer that there is without it. */
  remove(unikernel: Unikernel): void {
    const { names } = unikernel.plan;
    this.rename(names, () => {
      this.table.remove(unikernel);
      this.dropDomains(names);
    });
  }

  /** To be called when a unikernel has another plan than before. */
  change(unikernel: Unikernel, before: Unikernel['plan']): void {
    const { names } = unikernel.plan;
    this.rename([...before.names, ...names], () => {
      this.table.change(unikernel, before);
      this.dropDomains(before.names);
      this.zones.add(names);
    });
  }

  /** Synchronous, unless a unikernel or an upstream has to be waited for. */
  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    const pointer = query.type === RecordType.PTR ? this.table.behindAddress(query.name) : undefined;
    if (pointer !== undefined) {
      const ttl = inSeconds(pointer.entry.plan.ttl);
      return positive([{ name: query.name, type: 'PTR', ttl, target: pointer.name }]);
    }
    const soa = query.type === RecordType.SOA ? this.zones.soaAt(query.name) : undefined;
    if (soa !== undefined) return positive([soa]);

    const match = this.table.find(query.name);
    if (match?.kind === 'entries') return this.answerFor(query, match.name, match.entries, signal);
    if (!this.zones.isAuthoritativeFor(query.name)) return undefined;
    const top = query.type === RecordType.ANY ? this.zones.soaAt(query.name) : undefined;
    if (top !== undefined) return positive([minimalAny(query.name, top.ttl)]);
    return this.negative(query, match === undefined ? Rcode.NameError : Rcode.NoError);
  }

  /**
   * Takes back all answers that depend on these names: of those that have them before or after the change, and, where a
   * name comes to lie below a wildcard, of those that had the wildcard.
   */
  private rename(names: readonly string[], change: () => void): void {
    const concerned = new Set<Unikernel>();
    const note = (name: string): void => {
      const match = this.table.find(canonicalName(name));
      if (match?.kind === 'entries') for (const unikernel of match.entries) concerned.add(unikernel);
    };
    for (const name of names) note(name);
    change();
    this.changes += 1;
    for (const name of names) {
      note(name);
      this.roundRobin.forget(canonicalName(name));
    }
    for (const unikernel of concerned) this.service.takeBack(unikernel);
    const { namesLease } = this;
    this.namesLease = new NamesLease();
    namesLease.end();
    for (const look of [...this.waiting]) look();
  }

  private dropDomains(names: readonly string[]): void {
    this.zones.remove(names, (domain) => this.table.has(domain));
  }

  /** The answer; or where the name is found otherwise before it is there, whatever is answered then. */
  private orAnew(
    query: DnsQuery,
    name: string,
    unikernels: readonly Unikernel[],
    answered: Promise<DnsAnswer>,
    signal: AbortSignal,
  ): Promise<DnsAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = this.table.find(query.name);
        if (match?.kind === 'entries' && match.name === name && isSame(match.entries, unikernels)) return;
        this.waiting.delete(look);
        resolve(this.resolve(query, signal));
      };
      this.waiting.add(look);
      const ended = (): unknown => this.waiting.delete(look);
      answered.finally(ended).then(resolve, reject);
    });
  }

  private someSharedDomains(unikernels: readonly Unikernel[]): readonly string[] {
    const domains = new Set<string>();
    for (const name of namesOf(unikernels.slice(0, MOST_LOOKED_AT))) {
      const domain = parentName(canonicalName(name));
      if (domain !== undefined && domain !== '' && !this.zones.isAuthoritativeFor(domain)) domains.add(domain);
      if (domains.size === MOST_SHARED) break;
    }
    return [...domains];
  }

  private answerFor(
    query: DnsQuery,
    name: string,
    unikernels: readonly Unikernel[],
    signal: AbortSignal,
  ): DnsAnswer | Promise<DnsAnswer | undefined> {
    if (query.type === RecordType.ANY) return positive([minimalAny(query.name, shortestTtl(unikernels))]);
    const family = connectionType(query.type);
    if (family === undefined) return this.answerOfOtherType(query, signal);
    const wanted = unikernels.filter(family.mayHave);
    if (wanted.length === 0) {
      const mayChange = unikernels.some(({ addressesMayChange }) => addressesMayChange);
      return leased(this.negative(query, Rcode.NoError), mayChange ? undefined : this.namesLease);
    }

    const { ready, sleeping } = byReadiness(wanted);
    const held = sleeping.filter((unikernel) => this.isGivenAtOnce(unikernel));
    const isLeftToConnections = (unikernel: Unikernel): boolean =>
      unikernel.plan.wakesOn === 'connection' && held.includes(unikernel);
    const wanting = held.length === 0 ? sleeping : sleeping.filter((unikernel) => !isLeftToConnections(unikernel));
    const down = wanting.filter(({ isSummoned }) => !isSummoned);
    const refusal = wanting.length === 0 ? undefined : this.guard?.refusal(query, down.length);
    // Who may have forged the question gets an address that is given at once, and boots nothing.
    const isGivenHeld = refusal === undefined || refusal.wantsProof === true;
    const given =
      held.length === 0
        ? ready
        : wanted.filter(
            (unikernel) => unikernel.ready || (isGivenHeld ? held.includes(unikernel) : isLeftToConnections(unikernel)),
          );
    if (refusal !== undefined && given.length === 0) {
      return refusal.wantsProof === true || !others(unikernels, wanted).some(this.isUp)
        ? refusal
        : { ...refusal, ...this.leftToOthers(query) };
    }

    const prolongs = this.guard?.mayProlong(query) ?? true;
    const now = this.clock.now();
    if (prolongs) for (const unikernel of wanted) this.service.countQuery(unikernel, name, now);
    const woken = refusal === undefined ? wanting : [];
    const rising = woken.length === 0 ? undefined : this.summonAll(woken, query, family.type, given);
    // A unikernel in back-off, or without room in the boot queue, does not boot and is charged to no client's budget.
    this.guard?.spend(query, down.filter(({ isSummoned }) => isSummoned).length);
    const answer = (up: readonly Unikernel[]): RecordsAnswer => {
      const records = family.recordsOf(up, query.name, shortestTtl(up));
      // The addresses were found out by this boot, and are of the other family.
      if (records.length === 0) return this.negative(query, Rcode.NoError);
      const key = `${family.type} ${name}`;
      return leased(positive(this.roundRobin.rotate(key, records)), this.service.lease(key, name, wanted, unikernels));
    };
    if (given.length > 0 || rising === undefined) return answer(given);
    const failed = async (failure: unknown): Promise<RecordsAnswer> => {
      await this.untilSettled(others(unikernels, wanted), query, family.type);
      if (!others(unikernels, wanted).some(this.isUp)) throw failure;
      this.logger.debug({ name: query.name, type: family.type }, `left to another family: ${errorMessage(failure)}`);
      return this.leftToOthers(query);
    };
    const answered = rising.then((up) => {
      const now = this.clock.now();
      if (prolongs && !signal.aborted) for (const unikernel of up) this.service.countAnswer(unikernel, name, now);
      return answer(up);
    }, failed);
    if (!woken.every(({ failing }) => failing) || !others(unikernels, wanted).some(this.isUp))
      return this.orAnew(query, name, unikernels, answered, signal);
    // They are tried again, which hardly anybody should wait for.
    answered.catch(() => undefined);
    return this.leftToOthers(query);
  }

  /**
   * Whether its address is given though it is not ready: its clients wait for it by their connections. The promise of one
   * that has failed is not kept by that, unless only a connection may try again.
   */
  private isGivenAtOnce(unikernel: Unikernel): boolean {
    const { plan, failing } = unikernel;
    if (plan.answersAtOnce !== true || (failing && plan.wakesOn !== 'connection')) return false;
    return this.service.isHeld(unikernel);
  }

  private readonly isUp = (unikernel: Unikernel): boolean =>
    unikernel.addresses.length > 0 && (unikernel.ready || this.isGivenAtOnce(unikernel));

  /**
   * The answer where the unikernels with such records fail, and others of the name are ready: a failure would keep
   * clients that ask for both families, such as musl, from those, too.
   */
  private leftToOthers(query: DnsQuery): RecordsAnswer {
    const soa = this.zones.soaFor(query.name);
    const authorities = [{ ...soa, ttl: Math.min(soa.ttl, FAILING_TTL) }];
    return { rcode: Rcode.NoError, authoritative: true, authorities };
  }

  /** Waits for those of these that are being summoned already. */
  private async untilSettled(
    unikernels: readonly Unikernel[],
    query: DnsQuery,
    type: ConnectionType['type'],
  ): Promise<void> {
    const summoned = unikernels.filter(({ isSummoned }) => isSummoned);
    await Promise.allSettled(summoned.map((unikernel) => this.service.summon(unikernel, causeOf(query, type))));
  }

  /**
   * The answer for a type by which nobody connects to a unikernel. Outside of authoritative zones its name may have such
   * records elsewhere, and one that is not known there has none: it exists.
   */
  private answerOfOtherType(query: DnsQuery, signal: AbortSignal): DnsAnswer | Promise<DnsAnswer> {
    const nothing = this.negative(query, Rcode.NoError);
    if (this.elsewhere === undefined || this.zones.isAuthoritativeFor(query.name))
      return leased(nothing, this.namesLease);
    const given = this.elsewhere.resolve(query, signal);
    // Whether it is passed on depends on the client, too: another client may not get this from the packet cache.
    if (given === undefined) return nothing;
    const settle = (answer: DnsAnswer | undefined): DnsAnswer => {
      if (answer === undefined || !isNameError(answer)) return answer ?? nothing;
      // Where the zone is somebody else's, its own SOA record tells which it is.
      return this.zones.soaAround(query.name) === undefined ? withoutNameError(answer) : nothing;
    };
    return 'then' in given ? given.then(settle) : settle(given);
  }

  /**
   * Summons these concurrently, and resolves with those that came up. Where none did, it rejects with the first
   * failure, unless something can be answered without them.
   * @param given the unikernels that are answered with at once
   */
  private async summonAll(
    sleeping: readonly Unikernel[],
    query: DnsQuery,
    type: ConnectionType['type'],
    given: readonly Unikernel[],
  ): Promise<readonly Unikernel[]> {
    const cause = causeOf(query, type);
    const outcomes = await Promise.allSettled(sleeping.map((unikernel) => this.service.summon(unikernel, cause)));
    const risen = sleeping.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' && !given.includes(sleeping[index] as Unikernel) ? [outcome.reason as unknown] : [],
    );
    if (risen.length === 0 && given.length === 0) throw failures[0];
    for (const failure of failures) {
      this.logger.warn({ name: query.name, type }, `left out of an answer: ${errorMessage(failure)}`);
    }
    // One may have died again while the others took their time.
    const alive = risen.filter((unikernel) => unikernel.ready);
    return alive.length > 0 ? alive : risen;
  }

  private negative({ name }: DnsQuery, rcode: number): RecordsAnswer {
    return { rcode, authoritative: true, authorities: [this.zones.soaFor(name)] };
  }
}

function causeOf({ name, client }: DnsQuery, type: ConnectionType['type']): WakeCause {
  return { kind: 'query', name, type, client: client.address };
}

/** The unikernels that have no records of the wanted type. */
function others<Unikernel>(unikernels: readonly Unikernel[], wanted: readonly Unikernel[]): readonly Unikernel[] {
  return unikernels.filter((unikernel) => !wanted.includes(unikernel));
}

function isSame<T>(some: readonly T[], others: readonly T[]): boolean {
  return some.length === others.length && some.every((one, index) => one === others[index]);
}

function* namesOf(unikernels: readonly DnsUnikernel[]): Iterable<string> {
  for (const { plan } of unikernels) yield* plan.names;
}

/** In seconds: all records of an RRset have one TTL (RFC 2181, 5.2). */
function shortestTtl(unikernels: readonly DnsUnikernel[]): number {
  return Math.min(...unikernels.map(({ plan }) => inSeconds(plan.ttl)));
}

function byReadiness<Unikernel extends DnsUnikernel>(
  unikernels: readonly Unikernel[],
): {
  ready: readonly Unikernel[];
  sleeping: readonly Unikernel[];
} {
  const ready = unikernels.filter((unikernel) => unikernel.ready);
  return { ready, sleeping: unikernels.filter((unikernel) => !ready.includes(unikernel)) };
}

function positive(answers: readonly ResourceRecord[]): RecordsAnswer {
  return { rcode: Rcode.NoError, authoritative: true, answers };
}

function leased(answer: RecordsAnswer, lease: AnswerLease | undefined): RecordsAnswer {
  return lease === undefined ? answer : { ...answer, lease };
}

function inSeconds(duration: Milliseconds): number {
  return Math.floor(duration / 1_000);
}

/** Rotates lists from one answer to the next, so that all elements get their share. */
class RoundRobin {
  private readonly next = new Map<string, number>();

  /** The elements in order, starting one further than the previous time for this key. */
  rotate<T>(key: string, elements: readonly T[]): readonly T[] {
    if (elements.length < 2) return elements;
    const start = (this.next.get(key) ?? 0) % elements.length;
    this.next.set(key, start + 1);
    return [...elements.slice(start), ...elements.slice(0, start)];
  }

  /** Where the configured name changes, it begins anew. */
  forget(name: string): void {
    for (const { type } of TYPES.values()) this.next.delete(`${type} ${name}`);
  }
}

/** A type of question whose answer leads to a connection. */
interface ConnectionType {
  readonly type: 'A' | 'AAAA' | 'HTTPS' | 'SVCB';
  /** Whether a unikernel has such records, or may get some. */
  readonly mayHave: (unikernel: Reachable) => boolean;
  /** The records of these unikernels together, each once. */
  readonly recordsOf: (unikernels: readonly Reachable[], name: string, ttl: number) => readonly ResourceRecord[];
}

const TYPES = new Map<number, ConnectionType>([
  [RecordType.A, addressType('A', isIPv4)],
  [RecordType.AAAA, addressType('AAAA', isIPv6)],
  [RecordType.HTTPS, serviceType('HTTPS', ({ plan }) => plan.https ?? [])],
  [RecordType.SVCB, serviceType('SVCB', ({ plan }) => plan.svcb ?? [])],
]);

/** The connection type of a question type: `undefined` if its answer cannot lead to a connection. */
export function connectionType(type: number): ConnectionType | undefined {
  return TYPES.get(type);
}

function addressType(type: 'A' | 'AAAA', includes: (address: string) => boolean): ConnectionType {
  return {
    type,
    // A unikernel whose addresses are not known yet is summoned by A, the type that every client asks for, to find them
    // out.
    mayHave: ({ addresses, seeksAddresses }) =>
      addresses.some(includes) || (seeksAddresses && addresses.length === 0 && type === 'A'),
    recordsOf: (unikernels, name, ttl) => {
      const addresses = new Set(unikernels.flatMap(({ addresses }) => addresses.filter(includes)));
      return [...addresses].map((address) => ({ name, type, ttl, address }));
    },
  };
}

function serviceType(type: 'HTTPS' | 'SVCB', dataOf: (unikernel: Reachable) => readonly Uint8Array[]): ConnectionType {
  return {
    type,
    mayHave: (unikernel) => dataOf(unikernel).length > 0,
    recordsOf: (unikernels, name, ttl) => {
      const data = new Map(
        unikernels.flatMap(dataOf).map((bytes) => [Buffer.from(bytes).toString('latin1'), bytes] as const),
      );
      return [...data.values()].map((bytes) => ({ name, type: RecordType[type], ttl, data: bytes }));
    },
  };
}
