import { RUNGS, type Rung } from '../netlink/netfilter.js';
import { readAddress } from '../netlink/read-address.js';

export type Protocol = 'tcp' | 'udp';
export type Outcome = 'deliver' | 'refuse' | 'drop';
export type Verdict = 'hold' | 'refuse' | 'drop';
/** What becomes of packets of connections that are open; `drain` passes them to a machine that is being ended. */
export type Connections = 'pass' | 'drain' | 'hold' | 'refuse';

/** Unikernels to arm that have their ports, and what becomes of connections, in common: there may be very many. */
export interface GuardedGroup {
  /** As `tcp/443`. */
  readonly ports: readonly string[];
  readonly connections: Connections;
  /** Their names. */
  readonly unikernels: readonly string[];
  /** The addresses of each, with a blank between two. */
  readonly addresses: readonly string[];
  /** Of the first device of each, and empty where it is not known; absent where nobody asks for them. */
  readonly macs?: readonly string[] | undefined;
}

/** One of them. */
export interface GuardedService {
  readonly unikernel: string;
  readonly addresses: readonly string[];
  /** As `tcp/443`. */
  readonly ports: readonly string[];
  readonly connections: Connections;
  /** Of its first device; absent where it is not known. */
  readonly mac?: string | undefined;
}

/** A unikernel whose traffic is asked for, or several whose traffic is to be remembered. */
export interface WatchedService {
  readonly addresses: readonly string[];
  /** As `tcp/443`. */
  readonly ports: readonly string[];
  /** Whether flows that it has opened itself count. */
  readonly outgoing: boolean;
}

/** What the gate is to do once. */
export interface Setup {
  /** The process id of Jitsu, which names its table. */
  readonly instance: number;
  /** The mark of packets of this host that are not held, since they are those of readiness probes. */
  readonly mark: number;
  /** The users whose packets of this host are not held. */
  readonly users: readonly number[];
  /** The bridges on which it answers for stopped unikernels. */
  readonly bridges: readonly string[];
  /** How long traffic is remembered, in milliseconds. */
  readonly memory: number;
  /** The rungs of the ladder that are tried; all of them where there are none. */
  readonly rungs: readonly Rung[];
}

/** What Jitsu orders. */
export type Order =
  /** What follows is meant for the gate that has said this nonce. */
  | { readonly go: string; readonly setup: Setup }
  /** The packets of this user of this host are not held: it is the one that Jitsu runs as. */
  | { readonly user: number }
  /**
   * These addresses may be armed once it is sealed. What seals it is the last of this: nothing else may be armed from then
   * on, by any later gate either.
   */
  | { readonly number: number; readonly allow: readonly string[]; readonly seal?: true }
  | { readonly number: number; readonly arm: readonly GuardedGroup[] }
  | { readonly number: number; readonly release: string; readonly outcome: Outcome }
  | {
      readonly number: number;
      readonly watch: readonly WatchedService[];
      /** Networks whose clients do not count, as ADDRESS/LENGTH. */
      readonly ignored: readonly string[];
      /** Whether connection tracking is to be turned on. */
      readonly conntrack: boolean;
    }
  /** @param idle in milliseconds */
  | { readonly number: number; readonly observe: WatchedService; readonly idle: number }
  | { readonly knock: number; readonly verdict: Verdict };

/** What the gate knows of the traffic to a service. */
export interface SeenTraffic {
  readonly connections: number;
  /** How long ago the last packet came, in milliseconds. */
  readonly age: number;
  /** Some of those who have connections. */
  readonly clients: readonly string[];
}

/** What the gate reports. */
export type Report =
  /** A gate has started, and waits for its orders. */
  | { readonly hello: string; readonly pid: number }
  | { readonly ready: string; readonly rung: Rung }
  /** It has died, and is started again. */
  | { readonly died: true }
  /** For people. */
  | { readonly warning: string }
  /** It cannot work, and ends. */
  | { readonly failure: string; readonly code: string }
  | { readonly done: number; readonly traffic?: SeenTraffic | undefined }
  | { readonly number: number; readonly refused: string; readonly code: string }
  | {
      readonly knock: number;
      readonly unikernel: string;
      readonly protocol: Protocol;
      readonly port: number;
      readonly from: string;
    };

/** The most services of one order. */
export const MOST_SERVICES = 2_500;

/** The most addresses that are allowed, or watched, by one order. */
export const MOST_LISTED = 8_192;

/** The most addresses, and ports, of one service. */
export const MOST_ADDRESSES = 64;
export const MOST_PORTS = 64;

/** The most clients that are named. */
export const MOST_NAMED = 16;

const LONGEST_NAME = 512;
const LONGEST_ADDRESS = 45;
const NONCE = /^[0-9a-f]{32}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const INTERFACE = /^[^\s/]{1,15}$/;

/** Checks what Jitsu says, which may have been taken over. `undefined` for what it does not say by itself. */
export function checkOrder(message: unknown): Order | undefined {
  const fields = fieldsOf(message);
  if (fields === undefined) return undefined;
  const { go, setup, user, allow, seal, number, arm, release, outcome, watch, ignored, conntrack } = fields;
  const { observe, idle, knock, verdict } = fields;
  if (go !== undefined) {
    const checked = checkSetup(setup);
    return isNonce(go) && checked !== undefined ? { go, setup: checked } : undefined;
  }
  if (user !== undefined) return isNumber32(user) ? { user } : undefined;
  if (knock !== undefined) return isWhole(knock) && isVerdict(verdict) ? { knock, verdict } : undefined;
  if (!isWhole(number)) return undefined;
  if (allow !== undefined) {
    if (!isList(allow, MOST_LISTED) || !allow.every(isAddress)) return undefined;
    return { number, allow, ...(seal === true && { seal }) };
  }
  if (release !== undefined) return isName(release) && isOutcome(outcome) ? { number, release, outcome } : undefined;
  if (observe !== undefined) {
    const service = checkWatched(observe);
    return service !== undefined && isWhole(idle) ? { number, observe: service, idle } : undefined;
  }
  if (watch !== undefined) {
    if (!isList(watch, MOST_SERVICES) || !isList(ignored, 1_024) || typeof conntrack !== 'boolean') return undefined;
    const services = watch.map((each) => checkWatched(each, MOST_LISTED));
    if (!services.every((service) => service !== undefined) || !ignored.every(isText)) return undefined;
    return { number, watch: services, ignored, conntrack };
  }
  if (!isList(arm, MOST_SERVICES)) return undefined;
  const groups = arm.map(checkGroup);
  if (!groups.every((group) => group !== undefined)) return undefined;
  const count = groups.reduce((sum, { unikernels }) => sum + unikernels.length, 0);
  return count <= MOST_SERVICES ? { number, arm: groups } : undefined;
}

/** The members of groups that are checked. All of a group have the same list of ports. */
export function* servicesIn(groups: readonly GuardedGroup[]): Generator<GuardedService, void, undefined> {
  for (const { ports, connections, unikernels, addresses, macs } of groups) {
    for (const [index, unikernel] of unikernels.entries()) {
      const mac = macs?.[index];
      yield {
        ...{ unikernel, ports, connections, addresses: listOf(addresses[index] as string) },
        ...(mac !== undefined && mac !== '' && { mac }),
      };
    }
  }
}

/** Checks what the gate says, which reads what strangers have sent. */
export function checkReport(message: unknown): Report | undefined {
  const fields = fieldsOf(message);
  if (fields === undefined) return undefined;
  const { hello, pid, ready, rung, died, warning, failure, code, done, number, refused, knock } = fields;
  const { unikernel, protocol, port, from } = fields;
  if (hello !== undefined) return isNonce(hello) && isWhole(pid) ? { hello, pid } : undefined;
  if (ready !== undefined) return isNonce(ready) && isRung(rung) ? { ready, rung } : undefined;
  if (died === true) return { died };
  if (warning !== undefined) return isText(warning) ? { warning } : undefined;
  if (failure !== undefined) return isText(failure) && isText(code) ? { failure, code } : undefined;
  if (done !== undefined) {
    if (!isWhole(done)) return undefined;
    if (fields['traffic'] === undefined) return { done };
    const traffic = checkTraffic(fields['traffic']);
    return traffic === undefined ? undefined : { done, traffic };
  }
  if (refused !== undefined) {
    return isText(refused) && isText(code) && isWhole(number) ? { number, refused, code } : undefined;
  }
  if (!isWhole(knock) || !isName(unikernel) || !isProtocol(protocol) || !isPort(port) || !isAddress(from)) {
    return undefined;
  }
  return { knock, unikernel, protocol, port, from };
}

/** @returns `undefined` for what is none */
export function readPort(text: string): { readonly protocol: Protocol; readonly port: number } | undefined {
  const [, protocol, digits = ''] = /^(tcp|udp)\/(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return isProtocol(protocol) && isPort(port) ? { protocol, port } : undefined;
}

function checkGroup(value: unknown): GuardedGroup | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const { ports, connections, unikernels, addresses, macs } = fields;
  if (!isPorts(ports) || !isConnections(connections)) return undefined;
  if (!isList(unikernels, MOST_SERVICES) || !unikernels.every(isName)) return undefined;
  const count = unikernels.length;
  if (!isList(addresses, count) || addresses.length !== count || !addresses.every(isAddressList)) return undefined;
  if (macs === undefined) return { ports, connections, unikernels, addresses };
  if (!isList(macs, count) || macs.length !== count || !macs.every(isMacOrEmpty)) return undefined;
  return { ports, connections, unikernels, addresses, macs };
}

function checkWatched(value: unknown, most = MOST_ADDRESSES): WatchedService | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const { addresses, ports, outgoing } = fields;
  if (!isList(addresses, most) || !addresses.every(isAddress)) return undefined;
  return isPorts(ports) && typeof outgoing === 'boolean' ? { addresses, ports, outgoing } : undefined;
}

function checkTraffic(value: unknown): SeenTraffic | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const { connections, age, clients } = fields;
  if (!isWhole(connections) || typeof age !== 'number' || !(age >= 0)) return undefined;
  return isList(clients, MOST_NAMED) && clients.every(isAddress) ? { connections, age, clients } : undefined;
}

function checkSetup(value: unknown): Setup | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const { instance, mark, users, bridges, memory, rungs } = fields;
  if (!isWhole(instance) || !isList(bridges, 64)) return undefined;
  if (!bridges.every((name) => typeof name === 'string' && INTERFACE.test(name))) return undefined;
  if (!isNumber32(mark) || !isList(users, 64) || !users.every(isNumber32)) return undefined;
  if (!isWhole(memory) || !isList(rungs, 3) || !rungs.every(isRung)) return undefined;
  return { instance, mark, users, memory, rungs, bridges: bridges as string[] };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}

function isList(value: unknown, most: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= most;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 4_096;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST_NAME;
}

function isNonce(value: unknown): value is string {
  return typeof value === 'string' && NONCE.test(value);
}

/** An address without a zone. */
function isAddress(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_ADDRESS && readAddress(value) !== '';
}

/** Several, with a blank between two. */
function isAddressList(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  if (!value.includes(' ')) return isAddress(value);
  if (value.length > MOST_ADDRESSES * (LONGEST_ADDRESS + 1)) return false;
  const list = value.split(' ');
  return list.length <= MOST_ADDRESSES && list.every(isAddress);
}

function listOf(addresses: string): readonly string[] {
  return addresses.includes(' ') ? addresses.split(' ') : [addresses];
}

function isMacOrEmpty(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || MAC.test(value));
}

function isPorts(value: unknown): value is readonly string[] {
  return isList(value, MOST_PORTS) && value.every((port) => isText(port) && readPort(port) !== undefined);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNumber32(value: unknown): value is number {
  return isWhole(value) && value <= 0xffff_ffff;
}

function isPort(value: unknown): value is number {
  return isWhole(value) && value > 0 && value <= 0xffff;
}

function isProtocol(value: unknown): value is Protocol {
  return value === 'tcp' || value === 'udp';
}

function isVerdict(value: unknown): value is Verdict {
  return value === 'hold' || value === 'refuse' || value === 'drop';
}

function isConnections(value: unknown): value is Connections {
  return value === 'pass' || value === 'drain' || value === 'hold' || value === 'refuse';
}

function isOutcome(value: unknown): value is Outcome {
  return value === 'deliver' || value === 'refuse' || value === 'drop';
}

function isRung(value: unknown): value is Rung {
  return RUNGS.some((rung) => rung === value);
}
