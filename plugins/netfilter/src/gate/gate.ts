import { textOf } from './addresses.js';
import { DrainedConnections } from './drained-connections.js';
import { HeldPackets, HOLD_LIMITS, type HoldLimits } from './held-packets.js';
import {
  readPort,
  type Connections,
  type GuardedService,
  type Outcome,
  type Report,
  type Verdict,
} from './messages.js';
import { addressOf, endpointKey, endpointOf, serviceKey, type StoppedEndpoint } from '../netlink/endpoint.js';
import { readAddress } from '../netlink/read-address.js';
import type { PacketHold } from './packet-hold.js';
import { KeepAlives } from './keep-alives.js';
import { viewPacket, type PacketView } from './packet-view.js';
import { Refusal } from './refusal.js';

/** The most knocks that are not answered yet, of one unikernel and in all; above it packets are dropped. */
const MOST_OPEN_KNOCKS = { perUnikernel: 128, inAll: 2_048 };

/**
 * The most endpoints whose connections are forgotten within the order that says that they have ended. The kernel lists all
 * connections for more, so a start, which arms by many orders, has them listed together.
 */
const MOST_FORGOTTEN_AT_ONCE = 64;

/** How long later they are forgotten, in milliseconds. */
const FORGET_LATER = 200;

/** The most clients of one unikernel that are remembered. */
const MOST_CLIENTS = 1_024;

/** Those who have sent packets to what is armed. */
interface Callers<Packet> {
  readonly held: HeldPackets<Packet>;
  /** By the client's address: the number of its open knock, or that its packets are held. */
  readonly clients: Map<string, number | 'hold'>;
  openKnocks: number;
  /** Absent where nothing has been said while its machine was being ended. */
  drained: DrainedConnections | undefined;
}

interface Armed<Packet> {
  readonly unikernel: string;
  /** Those of its endpoints. */
  keys: readonly string[];
  connections: Connections;
  /** In hexadecimal digits, where somebody asks for it. */
  mac: string | undefined;
  /** Absent before the first packet: there may be very many that never get one. */
  callers: Callers<Packet> | undefined;
}

/** What arming has changed of one unikernel; `before` is absent where it was not armed. */
interface ArmChange<Packet> {
  readonly armed: Armed<Packet>;
  readonly before: Pick<Armed<Packet>, 'keys' | 'connections' | 'mac'> | undefined;
}

/** Holds first packets, and asks what becomes of them. */
export class Gate<Packet> {
  readonly #armed = new Map<string, Armed<Packet>>();
  /** The MACs of those that are armed, in hexadecimal digits, by address with a byte in each character. */
  readonly #macs = new Map<string, string>();
  /** By the key of an endpoint. */
  readonly #byKey = new Map<string, Armed<Packet>>();
  /** The clients that have knocked, by the number of the knock. */
  readonly #knocks = new Map<number, { readonly callers: Callers<Packet>; readonly client: string }>();
  /** Those that hold packets, or have held some a moment ago. */
  readonly #holding = new Set<HeldPackets<Packet>>();
  readonly #keepAlives = new KeepAlives();
  #knockCount = 0;
  readonly #total = { held: 0 };
  /** The list of ports that came last, and what follows the address in the keys of such endpoints. */
  #ports: readonly string[] | undefined;
  #portKeys: readonly string[] = [];
  #expiry: NodeJS.Timeout | undefined;
  /** The endpoints of very many that have ended, whose connections are forgotten soon. */
  readonly #ended = new Set<string>();
  #forgetting: NodeJS.Timeout | undefined;

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
  arm(services: Iterable<GuardedService>): void {
    const changes: ArmChange<Packet>[] = [];
    let refusal: Refusal | undefined;
    for (const service of services) {
      const keys = this.#keysOf(service);
      if (keys instanceof Refusal) refusal ??= keys;
      else this.#change(service, keys, changes);
    }
    try {
      this.hold.arm(endpointsOf(changes));
      const outdated = outdatedOf(changes);
      if (outdated.length > 0) this.hold.disarm(outdated);
      for (const key of outdated) this.#byKey.delete(key);
      this.#takeOverMacs(changes, outdated);
    } catch (error) {
      for (const change of changes.reverse()) this.#undo(change);
      throw new Refusal('JITSU_DOORMAN_FAILED', error instanceof Error ? error.message : String(error));
    }
    this.#endConnections(changes);
    if (refusal !== undefined) throw refusal;
  }

  release(unikernel: string, outcome: Outcome): void {
    const armed = this.#armed.get(unikernel);
    if (armed === undefined) return;
    if (outcome === 'deliver') {
      // Before the packets go on: what arrives from now on passes by itself.
      this.hold.disarm(armed.keys);
      this.#armed.delete(unikernel);
      for (const key of armed.keys) {
        this.#byKey.delete(key);
        if (this.#macs.size > 0) this.#macs.delete(addressOf(key));
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
    const armed = this.#byKey.get(endpointKey({ ...view, address: view.destination }));
    if (armed === undefined) return this.hold.deliver([packet]);
    if (view.protocol === 'tcp' && !view.isOpening && armed.connections !== 'hold') {
      // Its connection has ended with the machine, and so it is told at once.
      if (armed.connections === 'refuse') return this.hold.refuse([packet]);
      if (armed.connections === 'drain') {
        const callers = (armed.callers ??= this.#noCallers());
        (callers.drained ??= new DrainedConnections()).note(bytes, view);
      }
      return this.hold.deliver([packet]);
    }
    // Where nobody can answer in its place, the machine has to, as its connections would end otherwise.
    if (view.isBare && this.hold.sends && this.#answer(packet, bytes, view)) return;
    const callers = (armed.callers ??= this.#noCallers());
    const known = callers.clients.get(view.source);
    if (known === undefined && !this.#hasRoom(callers)) return this.hold.drop([packet]);
    const dropped = callers.held.hold(view, packet, this.now());
    if (dropped !== undefined) return this.hold.drop([dropped]);
    this.#holding.add(callers.held);
    this.#expiry ??= setInterval(() => this.#expire(), 1_000);
    if (known === undefined) this.#knock(armed.unikernel, callers, view);
  }

  /** It says nothing to a service, and does not wake its machine. @returns whether that is all that becomes of it */
  #answer(packet: Packet, bytes: Buffer, view: PacketView): boolean {
    const answer = this.#keepAlives.answer(bytes, view, this.now());
    if (answer === 'machine') return false;
    if (answer !== undefined) this.hold.send(answer);
    this.hold.drop([packet]);
    return true;
  }

  /** The MAC of who is armed at this address, by its hexadecimal digits. */
  macOf(address: string): Buffer | undefined {
    const mac = this.#macs.get(Buffer.from(address, 'hex').toString('latin1'));
    return mac === undefined ? undefined : Buffer.from(mac, 'hex');
  }

  /** The keys of all its endpoints, or why it cannot be armed. */
  #keysOf({ unikernel, addresses, ports }: GuardedService): readonly string[] | Refusal {
    const portKeys = this.#portKeysOf(ports);
    // As long as it will be: arrays that grow have more room than they need.
    const keys = new Array<string>(addresses.length * portKeys.length);
    for (const [index, text] of addresses.entries()) {
      const address = readAddress(text);
      if (!this.isAllowed(address)) {
        const message = `${unikernel}: the gate was not told of the address ${text} before Jitsu gave up its rights`;
        return new Refusal('JITSU_DOORMAN_DENIED', message);
      }
      for (const [place, portKey] of portKeys.entries()) {
        const key = address + portKey;
        const other = this.#byKey.get(key);
        if (other !== undefined && other.unikernel !== unikernel) {
          const { protocol, port } = endpointOf(key);
          const message = `${unikernel}: ${other.unikernel} is armed at ${text}, ${protocol}/${port} already`;
          return new Refusal('JITSU_DOORMAN_FAILED', message);
        }
        keys[place * addresses.length + index] = key;
      }
    }
    return keys;
  }

  /**
   * Whether it can see what a machine is sent while it is being ended, and tell the clients later. What takes packets away
   * cannot: the kernel holds what a client on this host has sent for unsent then.
   */
  get #drains(): boolean {
    return this.hold.sends && this.hold.rung !== 'NFLOG';
  }

  /** What follows the address in the keys: the services of an order have the same list of ports again and again. */
  #portKeysOf(ports: readonly string[]): readonly string[] {
    if (this.#ports === ports) return this.#portKeys;
    this.#ports = ports;
    this.#portKeys = ports
      .map(readPort)
      .filter((port) => port !== undefined)
      .map(({ protocol, port }) => serviceKey(protocol, port));
    return this.#portKeys;
  }

  /** Writes down that it is armed, so that another one of the same order cannot be at the same place. */
  #change(service: GuardedService, keys: readonly string[], changes: ArmChange<Packet>[]): void {
    const { unikernel } = service;
    const connections = service.connections === 'drain' && !this.#drains ? 'pass' : service.connections;
    const mac = service.mac?.replaceAll(':', '');
    const known = this.#armed.get(unikernel);
    if (known?.connections === connections && known.mac === mac && isSame(known.keys, keys)) return;
    const armed = known ?? { unikernel, keys, connections, mac, callers: undefined };
    changes.push({ armed, before: known && { keys: known.keys, connections: known.connections, mac: known.mac } });
    if (known === undefined) this.#armed.set(unikernel, armed);
    else Object.assign(armed, { keys, connections, mac });
    for (const key of keys) this.#byKey.set(key, armed);
  }

  #undo({ armed, before }: ArmChange<Packet>): void {
    for (const key of armed.keys) this.#byKey.delete(key);
    if (before === undefined) return void this.#armed.delete(armed.unikernel);
    Object.assign(armed, before);
    for (const key of before.keys) this.#byKey.set(key, armed);
  }

  /** Nobody is answered for any more where nothing is armed now. */
  #takeOverMacs(changes: readonly ArmChange<Packet>[], outdated: readonly string[]): void {
    if (this.#macs.size > 0) for (const key of outdated) this.#macs.delete(addressOf(key));
    for (const { armed } of changes) {
      const { keys, mac } = armed;
      if (mac !== undefined) for (const key of keys) this.#macs.set(addressOf(key), mac);
      else if (this.#macs.size > 0) for (const key of keys) this.#macs.delete(addressOf(key));
    }
  }

  /** Of machines that have just ended: those who do not know it yet are told, and the kernel tracks them no more. */
  #endConnections(changes: readonly ArmChange<Packet>[]): void {
    const ended = new Set<string>();
    for (const { armed, before } of changes) {
      const { connections, callers } = armed;
      const drained = callers?.drained;
      if (callers !== undefined && connections !== 'drain') callers.drained = undefined;
      if (connections !== 'refuse') continue;
      for (const reset of drained?.resets() ?? []) this.hold.send(reset);
      // Of one that was not armed: its machine has ended by itself, or by somebody else.
      if (before?.connections !== 'refuse') for (const key of armed.keys) ended.add(key);
    }
    if (ended.size <= MOST_FORGOTTEN_AT_ONCE) {
      if (ended.size > 0) this.hold.forgetConnections(ended);
      return;
    }
    for (const key of ended) this.#ended.add(key);
    if (this.#forgetting !== undefined) return;
    this.#forgetting = setTimeout(() => this.#forgetMany(), FORGET_LATER);
  }

  /** Of those that have not been released meanwhile. */
  #forgetMany(): void {
    this.#forgetting = undefined;
    const ended = new Set<string>();
    for (const key of this.#ended) if (this.#byKey.get(key)?.connections === 'refuse') ended.add(key);
    this.#ended.clear();
    if (ended.size > 0) this.hold.forgetConnections(ended);
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

  #noCallers(): Callers<Packet> {
    return { held: new HeldPackets(this.#total, this.limits), clients: new Map(), openKnocks: 0, drained: undefined };
  }
}

function endpointsOf<Packet>(changes: readonly ArmChange<Packet>[]): StoppedEndpoint[] {
  const endpoints: StoppedEndpoint[] = [];
  for (const { armed } of changes) {
    for (const key of armed.keys) endpoints.push({ key, connections: armed.connections, mac: armed.mac });
  }
  return endpoints;
}

/** The keys that nobody in these changes has any more. */
function outdatedOf<Packet>(changes: readonly ArmChange<Packet>[]): string[] {
  const outdated = new Set<string>();
  for (const { before } of changes) for (const key of before?.keys ?? []) outdated.add(key);
  if (outdated.size > 0) for (const { armed } of changes) for (const key of armed.keys) outdated.delete(key);
  return [...outdated];
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}
