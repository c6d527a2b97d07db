import { hexOf, textOf } from './addresses.js';
import { HeldPackets, HOLD_LIMITS, type HoldLimits } from './held-packets.js';
import {
  readPort,
  type Connections,
  type GuardedService,
  type Outcome,
  type Report,
  type Verdict,
} from './messages.js';
import type { StoppedEndpoint } from '../netlink/endpoint.js';
import type { PacketHold } from './packet-hold.js';
import { KeepAlives } from './keep-alives.js';
import { viewPacket, type PacketView } from './packet-view.js';
import { Refusal } from './refusal.js';

/** The most knocks that are not answered yet, of one unikernel and in all; above it packets are dropped. */
const MOST_OPEN_KNOCKS = { perUnikernel: 128, inAll: 2_048 };

/** The most clients of one unikernel that are remembered. */
const MOST_CLIENTS = 1_024;

/** Those who have sent packets to what is armed. */
interface Callers<Packet> {
  readonly held: HeldPackets<Packet>;
  /** By the client's address: the number of its open knock, or that its packets are held. */
  readonly clients: Map<string, number | 'hold'>;
  openKnocks: number;
}

interface Armed<Packet> {
  readonly unikernel: string;
  endpoints: readonly StoppedEndpoint[];
  connections: Connections;
  /** Absent before the first packet: there may be very many that never get one. */
  callers: Callers<Packet> | undefined;
}

/** Holds first packets, and asks what becomes of them. */
export class Gate<Packet> {
  readonly #armed = new Map<string, Armed<Packet>>();
  /** The MACs of those that are armed, by address. */
  readonly #macs = new Map<string, Buffer>();
  /** By address, protocol and port. */
  readonly #byEndpoint = new Map<string, Armed<Packet>>();
  /** The clients that have knocked, by the number of the knock. */
  readonly #knocks = new Map<number, { readonly callers: Callers<Packet>; readonly client: string }>();
  /** Those that hold packets, or have held some a moment ago. */
  readonly #holding = new Set<HeldPackets<Packet>>();
  readonly #keepAlives = new KeepAlives();
  #knockCount = 0;
  readonly #total = { held: 0 };
  #expiry: NodeJS.Timeout | undefined;

  constructor(
    private readonly hold: PacketHold<Packet>,
    private readonly report: (report: Report) => void,
    private readonly isAllowed: (address: string) => boolean = () => true,
    private readonly limits: HoldLimits = HOLD_LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** How many packets are held. */
  get held(): number {
    return this.#total.held;
  }

  /** Arms all that can be armed. @throws Refusal for the first that cannot */
  arm(services: readonly GuardedService[]): void {
    const changed: {
      readonly armed: Armed<Packet>;
      readonly endpoints: readonly StoppedEndpoint[];
      readonly connections: Connections;
    }[] = [];
    const outdated: StoppedEndpoint[] = [];
    /** Those whose machines have just ended. */
    const ended: StoppedEndpoint[] = [];
    let refusal: Refusal | undefined;
    for (const service of services) {
      const endpoints = this.#endpointsOf(service);
      if (endpoints instanceof Refusal) {
        refusal ??= endpoints;
        continue;
      }
      const before = this.#armed.get(service.unikernel);
      if (before !== undefined) {
        if (sameEndpoints(before.endpoints, endpoints)) continue;
        outdated.push(...before.endpoints);
        if (before.connections === 'pass' && service.connections === 'refuse') ended.push(...endpoints);
      }
      this.#setMac(service);
      changed.push({ armed: before ?? this.#newlyArmed(service), endpoints, connections: service.connections });
    }
    const wanted = new Set(changed.flatMap(({ endpoints }) => endpoints.map(keyOf)));
    try {
      this.hold.arm(changed.flatMap(({ endpoints }) => endpoints));
      this.hold.disarm(outdated.filter((endpoint) => !wanted.has(keyOf(endpoint))));
    } catch (error) {
      throw new Refusal('JITSU_DOORMAN_FAILED', error instanceof Error ? error.message : String(error));
    }
    for (const endpoint of outdated) this.#byEndpoint.delete(keyOf(endpoint));
    for (const { armed, endpoints, connections } of changed) {
      Object.assign(armed, { endpoints, connections });
      this.#armed.set(armed.unikernel, armed);
      for (const endpoint of endpoints) this.#byEndpoint.set(keyOf(endpoint), armed);
    }
    for (const address of new Set(ended.map((endpoint) => endpoint.address))) this.hold.forgetConnections(address);
    if (refusal !== undefined) throw refusal;
  }

  release(unikernel: string, outcome: Outcome): void {
    const armed = this.#armed.get(unikernel);
    if (armed === undefined) return;
    if (outcome === 'deliver') {
      // Before the packets go on: what arrives from now on passes by itself.
      this.hold.disarm(armed.endpoints);
      this.#armed.delete(unikernel);
      for (const endpoint of armed.endpoints) {
        if (this.#byEndpoint.get(keyOf(endpoint)) === armed) this.#byEndpoint.delete(keyOf(endpoint));
        this.#macs.delete(endpoint.address);
      }
    }
    if (armed.callers === undefined) return;
    const { clients, held } = armed.callers;
    if (outcome === 'deliver') {
      for (const knock of clients.values()) if (knock !== 'hold') this.#knocks.delete(knock);
      this.hold.deliver(held.takeAll());
      return;
    }
    // A knock that Jitsu has not heard yet is not part of what it ends.
    this.hold[outcome](held.takeWhere((client) => clients.get(client) === 'hold'));
    for (const [client, state] of clients) if (state === 'hold') clients.delete(client);
  }

  /** Answers a knock; one that is not open changes nothing. */
  answer(knock: number, verdict: Verdict): void {
    const { callers, client } = this.#knocks.get(knock) ?? {};
    if (callers === undefined || client === undefined) return;
    this.#knocks.delete(knock);
    callers.openKnocks -= 1;
    if (verdict === 'hold') {
      callers.clients.set(client, 'hold');
      return;
    }
    // It is asked again what becomes of the next one.
    callers.clients.delete(client);
    this.hold[verdict](callers.held.takeWhere((each) => each === client));
  }

  /** A packet has come to what is armed, or was a moment ago. */
  take(packet: Packet, bytes: Buffer): void {
    const view = viewPacket(bytes);
    // Our own rules let nothing else come here.
    if (view === undefined) return this.hold.deliver([packet]);
    const armed = this.#byEndpoint.get(`${view.protocol}/${view.port} ${view.destination}`);
    if (armed === undefined) return this.hold.deliver([packet]);
    if (view.protocol === 'tcp' && !view.isOpening && armed.connections !== 'hold') {
      // Its connection has ended with the machine, and so it is told at once.
      return armed.connections === 'refuse' ? this.hold.refuse([packet]) : this.hold.deliver([packet]);
    }
    // Where nobody can answer in its place, the machine has to, as its connections would end otherwise.
    if (view.isBare && this.hold.sends) return this.#answer(packet, bytes, view);
    const callers = (armed.callers ??= this.#noCallers());
    const known = callers.clients.get(view.source);
    if (known === undefined && !this.#hasRoom(callers)) return this.hold.drop([packet]);
    if (callers.held.hold(view, packet, this.now()) !== 'held') return this.hold.drop([packet]);
    this.#holding.add(callers.held);
    this.#expiry ??= setInterval(() => this.#expire(), 1_000);
    if (known === undefined) this.#knock(armed.unikernel, callers, view);
  }

  /** It says nothing to a service, and does not wake its machine. */
  #answer(packet: Packet, bytes: Buffer, view: PacketView): void {
    const answer = this.#keepAlives.answer(bytes, view, this.now());
    if (answer !== undefined) this.hold.send(answer);
    this.hold.drop([packet]);
  }

  /** The MAC of who is armed at this address. */
  macOf(address: string): Buffer | undefined {
    return this.#macs.get(address);
  }

  #setMac({ mac, addresses }: GuardedService): void {
    if (mac === undefined) return;
    const bytes = Buffer.from(mac.replaceAll(':', ''), 'hex');
    for (const address of addresses) this.#macs.set(hexOf(address), bytes);
  }

  #knock(unikernel: string, callers: Callers<Packet>, { protocol, port, source }: PacketView): void {
    this.#knockCount += 1;
    const knock = this.#knockCount;
    callers.clients.set(source, knock);
    callers.openKnocks += 1;
    this.#knocks.set(knock, { callers, client: source });
    this.report({ knock, unikernel, protocol, port, from: textOf(source) });
  }

  #hasRoom({ openKnocks, clients }: Callers<Packet>): boolean {
    const { perUnikernel, inAll } = MOST_OPEN_KNOCKS;
    return openKnocks < perUnikernel && clients.size < MOST_CLIENTS && this.#knocks.size < inAll;
  }

  #expire(): void {
    const now = this.now();
    for (const held of this.#holding) {
      this.hold.drop(held.takeExpired(now));
      if (held.size === 0) this.#holding.delete(held);
    }
    if (this.#holding.size > 0) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
  }

  #newlyArmed({ unikernel, connections }: GuardedService): Armed<Packet> {
    return { unikernel, connections, endpoints: [], callers: undefined };
  }

  #noCallers(): Callers<Packet> {
    return { held: new HeldPackets(this.#total, this.limits), clients: new Map(), openKnocks: 0 };
  }

  #endpointsOf({ unikernel, addresses, ports, connections, mac }: GuardedService): StoppedEndpoint[] | Refusal {
    const hexadecimal = addresses.map(hexOf);
    const barred = addresses.find((_, index) => !this.isAllowed(hexadecimal[index] as string));
    if (barred !== undefined) {
      const message = `${unikernel}: the gate was not told of the address ${barred} before Jitsu gave up its rights`;
      return new Refusal('JITSU_DOORMAN_DENIED', message);
    }
    const digits = mac?.replaceAll(':', '');
    const endpoints = ports
      .map(readPort)
      .filter((port) => port !== undefined)
      .flatMap((port) => hexadecimal.map((address) => ({ ...port, address, connections, mac: digits })));
    const taken = endpoints.find(
      (endpoint) => (this.#byEndpoint.get(keyOf(endpoint))?.unikernel ?? unikernel) !== unikernel,
    );
    if (taken === undefined) return endpoints;
    const other = this.#byEndpoint.get(keyOf(taken))?.unikernel ?? '';
    const place = `${textOf(taken.address)}, ${taken.protocol}/${taken.port}`;
    return new Refusal('JITSU_DOORMAN_FAILED', `${unikernel}: ${other} is armed at ${place} already`);
  }
}

function keyOf({ protocol, port, address }: StoppedEndpoint): string {
  return `${protocol}/${port} ${address}`;
}

function wholeKeyOf(endpoint: StoppedEndpoint): string {
  return `${keyOf(endpoint)} ${endpoint.connections} ${endpoint.mac ?? ''}`;
}

function sameEndpoints(some: readonly StoppedEndpoint[], others: readonly StoppedEndpoint[]): boolean {
  return (
    some.length === others.length &&
    some.every((each, index) => wholeKeyOf(each) === wholeKeyOf(others[index] as StoppedEndpoint))
  );
}
