import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { percentile } from '../bench/percentile.js';
import { numbersFrom, type Numbers } from '../support/numbers-from.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';
import { ChaosRecord } from './chaos-record.js';
import { chaosUnikernels, type ChaosUnikernel } from './chaos-unikernels.js';
import { IdleProcess } from './idle-process.js';
import { now, patientQuery, type ToldAddress } from './patient-query.js';
import { isLeader, isStopped, processesWith, signal } from './processes.js';
import { OwnNetwork } from '../support/own-network.js';
import { SmallDisks } from '../support/small-disks.js';
import {
  compareNotices,
  eventsIn,
  failedStarts,
  judgeCuts,
  judgeLies,
  lastLies,
  noticesOf,
  stoppedEarly,
  stoppedWhileKept,
  toldAfterEnd,
  type Notice,
} from './trace.js';
import { Trouble, type ChangingSettings } from './trouble.js';

/** In milliseconds. A unikernel is kept for twice the TTL, which is a second. */
const KEPT_FOR = 2_000;
/** What is used is known by connections and packets as well as by questions. */
const POLICIES = ['connections', 'traffic:1s', 'ttl'] as const;
const CLIENTS = 8;
/** How often something is asked for on a connection that is used. */
const PAUSE_IN_USE = 400;
/**
 * Whoever finds a program stopped so soon after what holds first packets was killed may be refused. It is back within a
 * third of a second, and after 1.2 s on a machine with ten times as much to do as it has processors.
 */
const ALLOWED_WITHOUT_GATE = 2_000;
/** Times of the trace are whole milliseconds, and an answer may be on its way. */
const TOLERANCE = 20;
const PATIENCE = 40_000;
/** From the last query until nothing runs: twice the TTL, and the longest stop. */
const LONGEST_REST = KEPT_FOR + 15_000;
/** What does not fit together in so many looks, a second each, does not come to fit. */
const LOOKS = 3;
/** In MiB. */
const DISKS = { run: 4, state: 64 };

/**
 * Two dozen unikernels under one Jitsu, clients that ask, connect, knock and stay connected, and somebody who kills, freezes, stops and restarts
 * whatever there is, and fills the disks. What is random is the same for the same seed, but for the times that the
 * machine takes.
 */
export class Chaos implements AsyncDisposable {
  readonly record = new ChaosRecord();
  readonly trouble: Trouble;
  readonly unikernels = chaosUnikernels();
  readonly #jitsu: RunningJitsu;
  readonly #idle = new IdleProcess();
  readonly #questions = new Set<Promise<unknown>>();
  /** How often in a row something was seen that does not fit together. */
  readonly #doubts = new Map<string, number>();
  #verdicts: readonly string[] = [];

  private constructor(
    private readonly seed: number,
    transport: string,
    private readonly disks: SmallDisks | undefined,
    private readonly network: OwnNetwork | undefined,
    more: object,
  ) {
    const settings: ChangingSettings = {
      ...{ dns: { ttl: 1, transport }, stop: { onExit: 'stop', policies: POLICIES }, boot: { limit: 8 } },
      ...(network !== undefined && { doormen: { netfilter: {} } }),
      ...more,
    };
    this.#jitsu = new RunningJitsu([], settings, disks?.place);
    settings.state = { path: this.#jitsu.in('state', 'store') };
    const parts = {
      ...{ jitsu: this.#jitsu, unikernels: this.unikernels, settings },
      ...{ record: this.record, idle: this.#idle },
      askWhileItDies: (unikernel: ChaosUnikernel) => this.#later(this.#ask(unikernel, false)),
    };
    this.trouble = new Trouble(parts, seed, transport);
  }

  /** @param more settings beside its own */
  static async create(seed: number, transport: string, more: object = {}): Promise<Chaos> {
    const isRoot = process.getuid?.() === 0;
    const disks = isRoot ? await SmallDisks.create() : undefined;
    const network = isRoot ? new OwnNetwork() : undefined;
    const chaos = new Chaos(seed, transport, disks, network, more);
    for (const [name, size] of Object.entries(DISKS)) await disks?.mount(chaos.#jitsu.in(name), size);
    return chaos;
  }

  get faults(): readonly string[] {
    return this.record.faults;
  }

  get pid(): number {
    return this.#jitsu.pid;
  }

  get log(): string {
    return this.#jitsu.log;
  }

  /** Goes on for so many milliseconds, then lets everything come to rest, and looks at what is left. */
  async run(duration: number, tell: (line: string) => void = () => undefined): Promise<void> {
    await this.trouble.start();
    const end = now() + duration;
    const clients = Array.from({ length: CLIENTS }, (_, index) =>
      this.#client(end, numbersFrom(this.seed + 2 + index)),
    );
    const teller = setInterval(() => tell(this.summary()), 60_000);
    try {
      await Promise.all([this.trouble.make(end), this.#fillDisks(end), this.#lookAround(end), ...clients]);
    } finally {
      clearInterval(teller);
    }
    await this.finish();
  }

  /** Lets everything come to rest, and looks at what is left and at the trace. */
  async finish(): Promise<void> {
    await this.trouble.settle();
    await Promise.all(this.#questions);
    await this.#expectAllAnswer();
    await this.#expectRest();
    await this.#expectStoreIsKept();
    await this.trouble.stop();
    await this.#expectNothingLeft();
    await this.#judgeTrace();
  }

  summary(): string {
    const { queries, told, kills, freezes, fills, starts, removals, changes, knocks, uses, gates } = this.record.counts;
    const ends = this.record.ends.toSorted((one, other) => one - other);
    return [
      `${queries} queries, ${told} addresses told, ${kills} programs killed, ${freezes} frozen, ${fills} disks filled`,
      `${knocks} knocks, ${uses} connections used, ${gates} gates killed`,
      `${starts} starts of Jitsu, with ${changes} unikernels changed and ${removals} removed`,
      ...(ends.length === 0 ? [] : [`SIGTERM took ${percentile(ends, 100).toFixed(0)} ms at most`]),
      ...this.#verdicts,
      `${this.faults.length} faults`,
    ].join('; ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of [...this.trouble.programs().values()].flat()) signal(pid, 'SIGCONT');
    await this.#jitsu[Symbol.asyncDispose]();
    await this.disks?.[Symbol.asyncDispose]();
    this.#idle[Symbol.dispose]();
    this.network?.[Symbol.dispose]();
  }

  async #client(end: number, numbers: Numbers): Promise<void> {
    while (now() < end) {
      await sleep(numbers(500));
      // Half of them are asked for seldom, so that they are stopped and started all the time.
      const half = this.unikernels.length / 2;
      const unikernel = this.unikernels[numbers(4) === 0 ? half + numbers(half) : numbers(half)];
      const deed = numbers(6);
      if (deed === 0) await this.knock(unikernel as ChaosUnikernel);
      else if (deed === 1) await this.use(unikernel as ChaosUnikernel, 3_000 + numbers(4_000));
      else await this.visit(unikernel as ChaosUnikernel, numbers(3) === 0);
    }
  }

  async #ask(unikernel: ChaosUnikernel, overTcp: boolean): Promise<ToldAddress | undefined> {
    const { name, dns, addresses, isConfigured } = unikernel;
    this.record.counts.queries += 1;
    const id = this.record.counts.queries % 65_536;
    const told = await patientQuery(this.#jitsu.port, dns, overTcp, id, PATIENCE);
    if (told?.address === undefined) return undefined;
    // Where its address has changed while it ran, it may be at the one before.
    const isRight = isConfigured && addresses.includes(told.address);
    // At a restart it may have been removed, and somebody else may have Jitsu's port.
    if (!isRight && this.record.wasAway(told.sentAt, now())) return undefined;
    this.record.addTold(name, told);
    if (!isRight) {
      this.record.fault(`${name} was told to be at ${told.address}, and ${isConfigured ? 'never was' : 'is removed'}`);
    }
    return told;
  }

  /** Whether it was answered, and something was there. */
  async visit(unikernel: ChaosUnikernel, overTcp: boolean): Promise<boolean> {
    const told = await this.#ask(unikernel, overTcp);
    if (told === undefined) return false;
    const isThere = await fetch(`http://${String(told.address)}:8080/`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(5_000),
    }).then(
      (response) => response.text().then(() => true),
      () => false,
    );
    const heard = now();
    if (isThere || this.record.wasDisturbed(unikernel, told.sentAt, heard)) return isThere;
    const after = (heard - told.heardAt).toFixed(0);
    this.record.fault(`${unikernel.name} was answered, and ${after} ms later nothing answered there`);
    return false;
  }

  /** Connects without a question, which has to wake it where its first packets are held. */
  async knock(unikernel: ChaosUnikernel): Promise<void> {
    const { name, ip, addresses, isConfigured, isHealthy, hasListener } = unikernel;
    const other = addresses.find((address) => address !== ip)!;
    const isHeld = hasListener || this.network !== undefined;
    // What runs by an earlier definition is at another address, and is not looked for here.
    if (!isHeld || !isConfigured || !isHealthy || processesWith(new Set([other])).size > 0) return;
    this.record.counts.knocks += 1;
    const began = now();
    const failure = await fetch(`http://${ip}:8080/`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(PATIENCE),
    }).then(
      (response) => response.text().then(() => undefined),
      (error: unknown) => {
        const { cause, name: kind } = error as Error & { readonly cause?: NodeJS.ErrnoException };
        return cause?.code ?? kind;
      },
    );
    const ended = now();
    if (this.record.wasDisturbed(unikernel, began, ended)) return;
    const took = `after ${(ended - began).toFixed(0)} ms`;
    if (failure !== undefined && !(failure === 'ECONNREFUSED' && this.record.hadNoGate(ended, ALLOWED_WITHOUT_GATE)))
      this.record.fault(`${name} got a knock, which ended by ${failure} ${took}`);
  }

  /** Stays connected for so long, and asks for a page now and then, but not for its name. */
  async use(unikernel: ChaosUnikernel, duration: number): Promise<void> {
    const told = await this.#ask(unikernel, false);
    if (told?.address === undefined || !unikernel.isHealthy) return;
    const from = now();
    const socket = connect({ port: 8080, host: told.address });
    const closed = new AbortController();
    socket.once('error', () => undefined).once('close', () => closed.abort());
    this.record.counts.uses += 1;
    try {
      while (now() < from + duration) {
        const heard = once(socket, 'data', { signal: AbortSignal.any([closed.signal, AbortSignal.timeout(PATIENCE)]) });
        socket.write('GET / HTTP/1.1\r\nHost: chaos\r\n\r\n');
        await heard;
        await sleep(PAUSE_IN_USE, undefined, { signal: closed.signal });
      }
    } catch {
      const at = now();
      if (!this.record.wasDisturbed(unikernel, from, at)) this.record.cuts.push({ name: unikernel.name, from, at });
    } finally {
      socket.destroy();
    }
  }

  #later(question: Promise<unknown>): void {
    this.#questions.add(question);
    void question.finally(() => this.#questions.delete(question));
  }

  async #fillDisks(end: number): Promise<void> {
    if (this.disks === undefined) return;
    const numbers = numbersFrom(this.seed + 1);
    while (now() < end) {
      await sleep(Math.min(2_000 + numbers(12_000), end - now()));
      const folders = Object.keys(DISKS).filter(() => numbers(2) === 0);
      for (const name of folders) await this.disks.fill(this.#jitsu.in(name));
      this.record.counts.fills += folders.length;
      await sleep(500 + numbers(6_000));
      for (const name of folders) this.disks.free(this.#jitsu.in(name));
    }
  }

  async #lookAround(end: number): Promise<void> {
    while (now() < end) {
      await sleep(1_000);
      await this.look();
      if (!this.trouble.isEnding && !isRunning(this.#jitsu.pid)) {
        throw new Error(`Jitsu has ended by itself:\n${this.log.slice(-3_000)}`);
      }
    }
  }

  /** Looks once for programs that run twice, or of which Jitsu does not know. */
  async look(): Promise<void> {
    this.#lookForDoubles();
    await this.#compareWithStatus();
  }

  #lookForDoubles(): void {
    for (const [name, pids] of this.trouble.programs()) {
      // What it has started itself is in its group.
      const leaders = pids.filter(isLeader);
      if (leaders.length > 1) this.record.fault(`${name} runs ${leaders.length} times: ${leaders.join(', ')}`);
    }
  }

  async #compareWithStatus(): Promise<void> {
    const began = now();
    const { unikernels = [] } = (await this.#jitsu.control.status().catch(() => undefined)) ?? {};
    const programs = this.trouble.programs();
    const isSure = !this.record.wasAway(began, now());
    for (const { name, phase, state } of unikernels) {
      const pid = programs.get(name)?.[0];
      const isOrphan = isSure && pid !== undefined && state === 'off' && ['down', 'failing'].includes(phase);
      this.#doubt(isOrphan, `${name} runs as ${pid}, of which Jitsu does not know`);
      this.#doubt(isSure && pid === undefined && phase === 'ready', `${name} is called ready, and does not run`);
    }
  }

  #doubt(isSo: boolean, fault: string): void {
    const looks = isSo ? (this.#doubts.get(fault) ?? 0) + 1 : 0;
    this.#doubts.set(fault, looks);
    if (looks === LOOKS) this.record.fault(fault);
  }

  async #expectAllAnswer(): Promise<void> {
    const healthy = this.unikernels.filter(({ isHealthy }) => isHealthy);
    const visits = healthy.map(async (unikernel) => {
      if (!(await this.visit(unikernel, false))) this.record.fault(`${unikernel.name} does not answer in the end`);
    });
    await Promise.all(visits);
  }

  /** Nobody asks any more. */
  async #expectRest(): Promise<void> {
    const end = now() + LONGEST_REST;
    while (this.#executing().size > 0 && now() < end) await sleep(200);
    for (const name of this.#executing().keys())
      this.record.fault(`${name} was left running while nobody asked for it`);
  }

  async #expectStoreIsKept(): Promise<void> {
    const { storeProblem } = await this.#jitsu.control.status();
    if (storeProblem !== undefined)
      this.record.fault(`the store is not kept though its disk has room: ${storeProblem}`);
    const [last] = await this.#jitsu.control.history({ limit: 1 });
    if (last === undefined) this.record.fault('there is no history');
  }

  async #expectNothingLeft(): Promise<void> {
    await sleep(500);
    for (const [name, pids] of this.#executing()) this.record.fault(`${name} outlived Jitsu: ${pids.join(', ')}`);
  }

  /** The programs that run and are not suspended, by the names of their unikernels. */
  #executing(): Map<string, number[]> {
    return new Map([...this.trouble.programs()].filter(([, pids]) => pids.some((pid) => !isStopped(pid))));
  }

  /** Stops of what is needed, and of one of a group whose other one is asked for. */
  #stoppedWhileKept(events: readonly LifecycleEvent[], { name, group }: ChaosUnikernel): string[] {
    const since = (at: number): number => this.record.lastAway(at);
    const dependents = this.unikernels.filter(({ needs }) => needs.includes(name)).map((one) => one.name);
    const isAsked = (other: string, at: number): boolean =>
      this.record.told(other).some(({ sentAt, heardAt }) => heardAt < at && sentAt + KEPT_FOR - TOLERANCE > at);
    return [
      ...stoppedWhileKept(events, name, dependents, () => true, since),
      ...stoppedWhileKept(events, name, group, isAsked, since),
    ];
  }

  async #judgeTrace(): Promise<void> {
    const events = eventsIn(this.log);
    const notices: Notice[] = [];
    const lies: number[] = [];
    for (const fault of judgeCuts(events, this.record.cuts)) this.record.fault(fault);
    for (const unikernel of this.unikernels) {
      const { name, isHealthy, hasProcesses } = unikernel;
      const own = events.filter(({ unikernel }) => unikernel === name);
      const told = this.record.told(name);
      const wasDisturbed = (from: number, until: number): boolean => this.record.wasDisturbed(unikernel, from, until);
      const kept = this.#stoppedWhileKept(events, unikernel);
      const failed = isHealthy ? failedStarts(own, wasDisturbed) : [];
      for (const fault of [...toldAfterEnd(own, told), ...stoppedEarly(own, told, KEPT_FOR), ...failed, ...kept]) {
        this.record.fault(fault);
      }
      const { seen, unseen } = noticesOf(own, this.record.kills(name));
      // Of one with other processes the trace tells when the last of them was gone.
      if (!hasProcesses) notices.push(...seen);
      lies.push(...lastLies(own, told, this.record.kills(name)));
      for (const { at } of unseen) {
        if (!this.record.wasAway(at, at + 5_000))
          this.record.fault(`${name} was killed at ${new Date(at).toISOString()}, and Jitsu has not seen it`);
      }
    }
    const { median, p90, p99, longest } = await this.#idle.lag();
    const ends = compareNotices(notices);
    const answers = judgeLies(lies, p99);
    for (const { fault } of [ends, answers]) if (fault !== undefined) this.record.fault(fault);
    const late = [median, p90, p99, longest].map((time) => time.toFixed(1)).join(', ');
    this.#verdicts = [
      ends.figure,
      answers.figure,
      `timers of the idle process late by ms: median, p90, p99, longest ${late}`,
    ];
  }
}
