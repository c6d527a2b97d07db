import {
  errorMessage,
  inject,
  JitsuError,
  LOGGER,
  CLOCK,
  optionsOf,
  type ArmedService,
  type Clock,
  type Doorman,
  type JitsuErrorCode,
  type Knock,
  type KnockVerdict,
  type Logger,
  type Milliseconds,
  type ServiceEndpoints,
} from '@jitsud/core/plugin';
import { doormanOptions, type DoormanOptions } from './doorman-options.js';
import { GateProcess, privileges } from './gate-process.js';
import {
  MOST_ADDRESSES,
  MOST_PORTS,
  type Order as GateOrder,
  type SeenTraffic,
  type Outcome,
  type Report,
  type Setup,
} from './gate/messages.js';
import { NetfilterActivity } from './netfilter-activity.js';
import { ownCapabilities } from './own-capabilities.js';
import { pipelined } from './pipelined.js';
import { addressBatches, armBatches, type ArmBatch } from './service-orders.js';

/** By which the gate knows the packets of readiness probes, where Jitsu may set it: JITS in ASCII. */
const PROBE_MARK = 0x4a49_5453;

/** How long a gate may take to start. */
const START_LIMIT: Milliseconds = 30_000;

/** How long traffic is remembered: connections may be idle for so long. */
const MEMORY: Milliseconds = 3_600_000;

interface Order {
  readonly resolve: (traffic?: SeenTraffic) => void;
  readonly reject: (error: Error) => void;
}

/** Holds first packets by a process of its own, the gate, which alone has the rights that this takes. */
export class NetfilterDoorman implements Doorman {
  readonly activity: NetfilterActivity;
  /** The gate takes packets of open connections, too, where they are to be held. */
  readonly holdsConnections = true;
  #gate: GateProcess | undefined;
  /** Whether the gate holds packets at the moment. */
  #isReady = false;
  /** Settles with the first report of the gate's success or failure. */
  #opening: Order | undefined;
  readonly #armed = new Map<string, ArmedService>();
  readonly #orders = new Map<number, Order>();
  #count = 0;
  #listener: ((knock: Knock) => KnockVerdict) | undefined;
  #onLoss: ((reason: string | undefined) => void) | undefined;
  /** The user whose packets pass, as the gate knows it. */
  #user: number | undefined;

  constructor(
    @inject(optionsOf(doormanOptions)) private readonly options: DoormanOptions,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    this.activity = new NetfilterActivity((order) => this.#order((number) => ({ number, ...order })), clock, MEMORY);
  }

  /** Set where Jitsu may set it; otherwise the gate knows its probes by its user. */
  get probeMark(): number | undefined {
    return ownCapabilities().has('net_admin') ? PROBE_MARK : undefined;
  }

  guards({ addresses, ports }: ServiceEndpoints): boolean {
    if (addresses.length === 0 || ports.length === 0) return false;
    if (addresses.length > MOST_ADDRESSES || ports.length > MOST_PORTS) return false;
    if (addresses.some((address) => address.includes('%'))) return false;
    return true;
  }

  onKnock(listener: (knock: Knock) => KnockVerdict): Disposable {
    this.#listener = listener;
    return { [Symbol.dispose]: () => (this.#listener = undefined) };
  }

  onLoss(listener: (reason: string | undefined) => void): Disposable {
    this.#onLoss = listener;
    return { [Symbol.dispose]: () => (this.#onLoss = undefined) };
  }

  async check(): Promise<void> {
    privileges();
  }

  async open(): Promise<void> {
    if (process.platform !== 'linux') {
      throw new JitsuError(
        'JITSU_DOORMAN_FAILED',
        `The netfilter plugin needs Linux, and this is ${process.platform}.`,
      );
    }
    const gate = new GateProcess(
      {
        hello: (nonce) => this.#hello(nonce),
        report: (report) => this.#take(report),
        end: (reason) => this.#lose(`${reason.message}, and is not started again. Restart Jitsu.`),
      },
      this.options.bridges.length,
    );
    this.#gate = gate;
    gate.holdOpen(true);
    using _limit = this.clock.after(START_LIMIT, () => {
      this.#opening?.reject(failed(`it has not answered for ${START_LIMIT / 1_000} s`));
    });
    try {
      await new Promise<void>((resolve, reject) => (this.#opening = { resolve: () => resolve(), reject }));
    } finally {
      this.#opening = undefined;
      this.#holdOpen();
    }
  }

  /** Whoever takes over a Jitsu that has given up root is to hold no packets but those of its unikernels. */
  async beforeDrop(user: number, services: Iterable<ServiceEndpoints>): Promise<void> {
    this.#tellUser(user);
    await pipelined(this.#allowing(services));
    await this.#order((number) => ({ number, allow: [], seal: true }));
  }

  *#allowing(services: Iterable<ServiceEndpoints>): Generator<() => Promise<unknown>, void, undefined> {
    for (const allow of addressBatches(this.#guardedOf(services))) {
      yield () => this.#order((number) => ({ number, allow }));
    }
  }

  *#guardedOf(services: Iterable<ServiceEndpoints>): Generator<ServiceEndpoints, void, undefined> {
    for (const service of services) if (this.guards(service)) yield service;
  }

  async close(): Promise<void> {
    const gate = this.#gate;
    this.#gate = undefined;
    this.#isReady = false;
    this.#armed.clear();
    this.#rejectAll('Jitsu ends');
    await gate?.close();
  }

  async arm(services: Iterable<ArmedService>): Promise<void> {
    await pipelined(this.#arming(services));
  }

  *#arming(services: Iterable<ArmedService>): Generator<() => Promise<unknown>, void, undefined> {
    // Nobody but who answers on bridges asks for them.
    const withMacs = this.options.bridges.length > 0;
    for (const batch of armBatches(services, withMacs)) yield () => this.#armBatch(batch);
  }

  async #armBatch({ services, groups }: ArmBatch): Promise<void> {
    const before = services.map(({ unikernel }) => this.#armed.get(unikernel));
    // Also what a gate that has just died is not told any more: the next one is.
    for (const service of services) this.#armed.set(service.unikernel, service);
    try {
      await this.#order((number) => ({ number, arm: groups }));
    } catch (error) {
      if (!this.#isReady) throw error;
      for (const [index, { unikernel }] of services.entries()) {
        const known = before[index];
        // It has been released meanwhile.
        if (this.#armed.get(unikernel) !== services[index]) continue;
        if (known === undefined) this.#armed.delete(unikernel);
        else this.#armed.set(unikernel, known);
      }
      throw error;
    }
  }

  /** What a gate held that has died. */
  *#armingAgain(): Generator<() => Promise<unknown>, void, undefined> {
    const withMacs = this.options.bridges.length > 0;
    for (const batch of armBatches(this.#armed.values(), withMacs)) yield () => this.#armBatchAgain(batch);
  }

  /** One that cannot be armed any more keeps no other from it. Rejects with the failure of the first. */
  async #armBatchAgain(batch: ArmBatch): Promise<void> {
    const { services } = batch;
    try {
      await this.#armBatch(batch);
    } catch (error) {
      if (services.length === 1 || !this.#isReady) throw error;
      const half = Math.ceil(services.length / 2);
      const withMacs = this.options.bridges.length > 0;
      const halves = [services.slice(0, half), services.slice(half)].flatMap((some) => {
        const left = some.filter((service) => this.#armed.get(service.unikernel) === service);
        return [...armBatches(left, withMacs)];
      });
      await pipelined(halves.map((each) => () => this.#armBatchAgain(each)));
    }
  }

  async release(unikernel: string, outcome: Outcome): Promise<void> {
    if (!this.#armed.has(unikernel)) return;
    if (outcome === 'deliver') this.#armed.delete(unikernel);
    // A gate that is gone holds nothing.
    if (!this.#isReady) return;
    await this.#order((number) => ({ number, release: unikernel, outcome }));
  }

  #order(order: (number: number) => GateOrder): Promise<SeenTraffic | undefined> {
    const gate = this.#gate;
    if (gate === undefined || !this.#isReady) return Promise.reject(failed('it does not run'));
    this.#tellUser();
    this.#count += 1;
    const number = this.#count;
    return new Promise<SeenTraffic | undefined>((resolve, reject) => {
      if (!gate.send(order(number))) return reject(failed('it does not take orders'));
      this.#orders.set(number, { resolve, reject });
      if (this.#orders.size === 1) gate.holdOpen(true);
    });
  }

  /** A gate has started: the first one, or one in the place of one that has died. */
  #hello(nonce: string): void {
    const gate = this.#gate;
    if (gate === undefined) return;
    if (this.#isReady) this.#died();
    gate.breakLine();
    const { bridges, probeUsers, rungs } = this.options;
    const setup: Setup = { instance: process.pid, mark: PROBE_MARK, memory: MEMORY, bridges, rungs, users: probeUsers };
    gate.send({ go: nonce, setup });
    this.#user = undefined;
    this.#tellUser();
  }

  #take(report: Exclude<Report, { readonly hello: string }>): void {
    if ('knock' in report) return this.#knock(report);
    if ('died' in report) return this.#died();
    if ('warning' in report) return this.logger.warn({}, report.warning);
    if ('ready' in report) return void this.#ready(report.rung);
    if ('failure' in report) {
      const error = new JitsuError(codeOf(report.code), report.failure);
      if (this.#opening === undefined) this.#lose(error.message);
      return this.#opening?.reject(error);
    }
    const number = 'done' in report ? report.done : report.number;
    const order = this.#orders.get(number);
    this.#orders.delete(number);
    this.#holdOpen();
    if ('done' in report) order?.resolve(report.traffic);
    else order?.reject(new JitsuError(codeOf(report.code), `${report.refused}.`));
  }

  async #ready(rung: string): Promise<void> {
    this.#isReady = true;
    if (this.#opening !== undefined) {
      this.logger.debug({ rung }, 'first packets are held');
      return this.#opening.resolve();
    }
    try {
      await this.activity.watchAgain();
      // What is released meanwhile is not armed any more when its turn comes.
      await pipelined(this.#armingAgain());
    } catch (error) {
      this.logger.error({ error }, `not for all that is stopped packets are held again: ${errorMessage(error)}`);
    }
    // It has died again.
    if (!this.#holds()) return;
    this.logger.info({ rung }, 'first packets are held again');
    this.#onLoss?.(undefined);
  }

  #knock({ knock, unikernel, protocol, port, from }: Extract<Report, { readonly from: string }>): void {
    const service = this.#armed.get(unikernel);
    const isMine = service?.ports.some((each) => each.protocol === protocol && each.port === port) ?? false;
    const verdict = isMine ? (this.#listener?.({ unikernel, protocol, port, from }) ?? 'drop') : 'drop';
    this.#gate?.send({ knock, verdict });
  }

  /** The packets of this user pass, as they are those of probes. What root does on this host is not only probing. */
  #tellUser(user = process.geteuid?.()): void {
    if (user === undefined || user === 0 || user === this.#user) return;
    this.#user = user;
    this.#gate?.send({ user });
  }

  #died(): void {
    if (this.#opening === undefined) this.#lose('its process has died, and is started again');
  }

  #lose(reason: string): void {
    this.#opening?.reject(failed(reason));
    this.#rejectAll(reason);
    if (!this.#isReady) return;
    this.#isReady = false;
    this.logger.warn({}, `nothing is held for stopped unikernels: ${reason}`);
    this.#onLoss?.(reason);
  }

  #holds(): boolean {
    return this.#isReady;
  }

  #rejectAll(reason: string): void {
    const orders = [...this.#orders.values()];
    this.#orders.clear();
    this.#holdOpen();
    for (const { reject } of orders) reject(failed(reason));
  }

  #holdOpen(): void {
    this.#gate?.holdOpen(this.#orders.size > 0 || this.#opening !== undefined);
  }
}

function failed(reason: string): JitsuError {
  return new JitsuError('JITSU_DOORMAN_FAILED', `The gate of the netfilter plugin cannot be used: ${reason}.`);
}

function codeOf(code: string): JitsuErrorCode {
  return code === 'JITSU_DOORMAN_DENIED' ? code : 'JITSU_DOORMAN_FAILED';
}
