import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../bench/percentile.js';
import { numbersFrom, type Numbers } from '../support/numbers-from.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';
import { chaosUnikernels, type ChaosUnikernel } from './chaos-unikernels.js';
import { now, patientQuery, type ToldAddress } from './patient-query.js';
import { eventsIn, stoppedEarly, timesToNotice, toldAfterEnd } from './trace.js';

/** In milliseconds. A unikernel is kept for twice the TTL, which is a second. */
const KEPT_FOR = 2_000;
const CLIENTS = 6;
const PATIENCE = 40_000;
/** A stop that is asked to shut a program down may take 10 s, and the end of Jitsu waits for the stops of all. */
const LONGEST_END = 15_000;
/** From the last query until nothing runs: twice the TTL, and the longest stop. */
const LONGEST_REST = KEPT_FOR + 15_000;

/** What happened to a unikernel or to Jitsu, for which a client may find nothing behind an address that it was told. */
interface Disturbance {
  readonly from: number;
  until: number;
}

export interface ChaosFigures {
  queries: number;
  told: number;
  kills: number;
  freezes: number;
  starts: number;
  /** In milliseconds, from the kill of a program to the moment when Jitsu saw it. */
  readonly noticed: number[];
}

/**
 * Twenty unikernels under one Jitsu, clients that ask and connect, and somebody who kills, freezes, stops and restarts
 * whatever there is. What is random is the same for the same seed, but for the times that the machine takes.
 */
export class Chaos implements AsyncDisposable {
  readonly faults: string[] = [];
  readonly figures: ChaosFigures = { queries: 0, told: 0, kills: 0, freezes: 0, starts: 0, noticed: [] };
  readonly #unikernels = chaosUnikernels();
  /** May change at a restart. */
  readonly #dns = { ttl: 1, transport: 'auto' };
  readonly #jitsu: RunningJitsu;
  readonly #numbers: Numbers;
  readonly #told = new Map<string, ToldAddress[]>();
  readonly #kills = new Map<string, number[]>();
  readonly #disturbances = new Map<string, Disturbance[]>();
  /** Since when Jitsu has been ended, frozen or without a helper, and until when. */
  readonly #outages: Disturbance[] = [];
  #ending = false;
  #restarts = 0;

  constructor(
    seed: number,
    private readonly transport: string,
  ) {
    this.#numbers = numbersFrom(seed);
    this.#dns.transport = transport;
    this.#jitsu = new RunningJitsu(this.#unikernels, { dns: this.#dns, boot: { limit: 8 } });
  }

  /** Goes on for so many milliseconds, then lets everything come to rest, and looks at what is left. */
  async run(duration: number, tell: (line: string) => void = () => undefined): Promise<void> {
    await this.#start();
    const end = now() + duration;
    const clients = Array.from({ length: CLIENTS }, () => this.#client(end));
    const trouble = this.#makeTrouble(end);
    const looks = this.#lookForDoubles(end);
    const teller = setInterval(() => tell(this.summary()), 60_000);
    try {
      await Promise.all([trouble, looks, ...clients]);
    } finally {
      clearInterval(teller);
    }
    await this.#expectRest();
    await this.#stop();
    await this.#expectNothingLeft();
    this.#judgeTrace();
  }

  summary(): string {
    const { queries, told, kills, freezes, starts } = this.figures;
    const noticed = this.figures.noticed.toSorted((one, other) => one - other);
    const times =
      noticed.length === 0
        ? ''
        : `, seen after ${percentile(noticed, 50).toFixed(1)} ms (p99 ${percentile(noticed, 99).toFixed(1)})`;
    return `${queries} queries, ${told} addresses told, ${kills} programs killed${times}, ${freezes} frozen, ${starts} starts of Jitsu, ${this.faults.length} faults`;
  }

  get log(): string {
    return this.#jitsu.log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#programs().values()) for (const each of pid) signal(each, 'SIGCONT');
    await this.#jitsu[Symbol.asyncDispose]();
  }

  async #client(end: number): Promise<void> {
    while (now() < end) {
      await sleep(this.#numbers(500));
      // Half of them are asked for seldom, so that they are stopped and started all the time.
      const half = this.#unikernels.length / 2;
      const unikernel = this.#unikernels[this.#numbers(4) === 0 ? half + this.#numbers(half) : this.#numbers(half)];
      await this.#visit(unikernel as ChaosUnikernel);
    }
  }

  async #visit({ name, dns, ip }: ChaosUnikernel): Promise<void> {
    this.figures.queries += 1;
    const told = await patientQuery(this.#jitsu.port, dns, this.#numbers(3) === 0, this.#numbers(65_536), PATIENCE);
    if (told?.address === undefined) return;
    // Somebody else may have its port by now.
    if (told.address !== ip && this.#outages.some((one) => one.until >= told.sentAt)) return;
    this.figures.told += 1;
    push(this.#told, name, told);
    if (told.address !== ip) this.faults.push(`${name} was told to be at ${told.address}, and is at ${ip}`);
    const isThere = await fetch(`http://${ip}:8080/`, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.text().then(() => true),
      () => false,
    );
    const heard = now();
    if (isThere || this.#wasDisturbed(name, told.sentAt, heard)) return;
    this.faults.push(`${name} was answered, and ${(heard - told.heardAt).toFixed(0)} ms later nothing answered there`);
  }

  /** Whether something was done to it, or to Jitsu, from the query on; what was done shortly before may still be unseen. */
  #wasDisturbed(name: string, from: number, until: number): boolean {
    const early = from - 1_000;
    const all = [...(this.#disturbances.get(name) ?? []), ...this.#outages];
    return all.some((one) => one.from <= until && one.until >= early);
  }

  async #makeTrouble(end: number): Promise<void> {
    const acts: readonly (readonly [weight: number, act: () => Promise<void>])[] = [
      [12, () => this.#killProgram()],
      [6, () => this.#freezeProgram()],
      [6, () => this.#command()],
      [2, () => this.#freezeJitsu()],
      [1, () => this.#killHelper()],
      [1, () => this.#restart('SIGTERM')],
      [1, () => this.#restart('SIGKILL')],
    ];
    const sum = acts.reduce((total, [weight]) => total + weight, 0);
    while (now() < end) {
      await sleep(200 + this.#numbers(1_000));
      let drawn = this.#numbers(sum);
      const [, act] = acts.find(([weight]) => (drawn -= weight) < 0) as (typeof acts)[number];
      await act();
    }
  }

  async #killProgram(): Promise<void> {
    const [name, pid] = this.#anyProgram() ?? [];
    if (name === undefined || pid === undefined) return;
    const disturbance = this.#disturb(name);
    push(this.#kills, name, now());
    this.figures.kills += 1;
    signal(pid, 'SIGKILL');
    await sleep(5);
    disturbance.until = now();
  }

  async #freezeProgram(): Promise<void> {
    const [name, pid] = this.#anyProgram() ?? [];
    if (name === undefined || pid === undefined) return;
    const disturbance = this.#disturb(name);
    this.figures.freezes += 1;
    signal(pid, 'SIGSTOP');
    await sleep(100 + this.#numbers(900));
    signal(pid, 'SIGCONT');
    disturbance.until = now();
  }

  async #command(): Promise<void> {
    const { name } = this.#unikernels[this.#numbers(this.#unikernels.length)] as ChaosUnikernel;
    const commands = [
      () => this.#jitsu.control.status(),
      () => this.#jitsu.control.flush(),
      () => this.#jitsu.control.summon(name),
      async () => {
        const disturbance = this.#disturb(name);
        try {
          await this.#jitsu.control.stop(name);
        } finally {
          disturbance.until = now();
        }
      },
    ];
    // What they say of crashing and deaf programs, or of a Jitsu that is away, is no fault.
    await commands[this.#numbers(commands.length)]?.().catch(() => undefined);
  }

  async #freezeJitsu(): Promise<void> {
    this.figures.freezes += 1;
    const outage = this.#outage();
    signal(this.#jitsu.pid, 'SIGSTOP');
    await sleep(300 + this.#numbers(2_700));
    signal(this.#jitsu.pid, 'SIGCONT');
    outage.until = now();
  }

  async #killHelper(): Promise<void> {
    const helpers = childrenOf(this.#jitsu.pid).filter((pid) => commandLineOf(pid).includes('spawner'));
    const helper = helpers[this.#numbers(Math.max(1, helpers.length))];
    if (helper === undefined) return;
    const outage = this.#outage();
    signal(helper, 'SIGKILL');
    await sleep(500);
    outage.until = now();
  }

  async #restart(by: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const outage = this.#outage();
    if (by === 'SIGTERM') await this.#stop();
    else {
      this.#ending = true;
      await this.#jitsu.end('SIGKILL');
    }
    this.#restarts += 1;
    const other = this.transport === 'dgram' ? 'auto' : 'dgram';
    this.#dns.transport = this.#restarts % 2 === 1 ? other : this.transport;
    await this.#start();
    outage.until = now();
  }

  async #start(): Promise<void> {
    this.figures.starts += 1;
    try {
      await this.#jitsu.start();
      this.#ending = false;
    } catch (error) {
      this.faults.push(`a start failed: ${(error as Error).message.slice(-2_000)}`);
      throw error;
    }
  }

  async #stop(): Promise<void> {
    this.#ending = true;
    const began = now();
    const timer = new AbortController();
    const late = sleep(LONGEST_END, 'late' as const, { signal: timer.signal }).catch(() => 'in time' as const);
    const ended = this.#jitsu.end('SIGTERM');
    if ((await Promise.race([ended, late])) === 'late') {
      this.faults.push(`SIGTERM did not end Jitsu within ${LONGEST_END} ms`);
      await this.#jitsu.end('SIGKILL');
    }
    timer.abort();
    const status = await ended;
    if (status !== 0) this.faults.push(`Jitsu ended by ${status} after ${(now() - began).toFixed(0)} ms`);
  }

  async #lookForDoubles(end: number): Promise<void> {
    while (now() < end) {
      await sleep(1_000);
      for (const [name, pids] of this.#programs()) {
        if (pids.length > 1) this.faults.push(`${name} runs ${pids.length} times`);
      }
      if (!this.#ending && !isRunning(this.#jitsu.pid))
        throw new Error(`Jitsu has ended by itself:\n${this.log.slice(-3_000)}`);
    }
  }

  /** Nobody asks any more. */
  async #expectRest(): Promise<void> {
    const end = now() + LONGEST_REST;
    while (this.#programs().size > 0 && now() < end) await sleep(200);
    for (const name of this.#programs().keys()) this.faults.push(`${name} was left running while nobody asked for it`);
  }

  async #expectNothingLeft(): Promise<void> {
    await sleep(500);
    for (const [name, pids] of this.#programs()) this.faults.push(`${name} outlived Jitsu: ${pids.join(', ')}`);
  }

  #judgeTrace(): void {
    const events = eventsIn(this.log);
    for (const { name } of this.#unikernels) {
      const own = events.filter(({ unikernel }) => unikernel === name);
      const told = this.#told.get(name) ?? [];
      this.faults.push(...toldAfterEnd(own, told), ...stoppedEarly(own, told, KEPT_FOR));
      this.figures.noticed.push(...timesToNotice(own, this.#kills.get(name) ?? []));
    }
  }

  #disturb(name: string): Disturbance {
    const disturbance = { from: now(), until: Infinity };
    push(this.#disturbances, name, disturbance);
    return disturbance;
  }

  #outage(): Disturbance {
    const outage = { from: now(), until: Infinity };
    this.#outages.push(outage);
    return outage;
  }

  #anyProgram(): readonly [string, number] | undefined {
    const running = [...this.#programs()].flatMap(([name, pids]) => pids.map((pid) => [name, pid] as const));
    return running[this.#numbers(Math.max(1, running.length))];
  }

  /** The programs that run, by the names of their unikernels. */
  #programs(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const pid of this.#jitsu.pids()) {
      const line = commandLineOf(pid);
      const unikernel = isRunning(pid) ? this.#unikernels.find(({ ip }) => line.includes(`\0${ip}\0`)) : undefined;
      if (unikernel !== undefined) push(found, unikernel.name, pid);
    }
    return found;
  }
}

function push<T>(map: Map<string, T[]>, name: string, value: T): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [value]);
  else list.push(value);
}

/** The process may have ended meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1] === String(parent);
      } catch {
        return false;
      }
    });
}
