import { setTimeout as sleep } from 'node:timers/promises';
import { numbersFrom, type Numbers } from '../support/numbers-from.js';
import { isRunning, type RunningJitsu } from '../support/running-jitsu.js';
import type { ChaosRecord } from './chaos-record.js';
import type { ChaosUnikernel } from './chaos-unikernels.js';
import type { IdleProcess } from './idle-process.js';
import { now } from './patient-query.js';
import { childrenOf, commandLineOf, isNode, isStopped, processesWith, signal, startTimeOf } from './processes.js';

/** In milliseconds. A stop that is asked to shut a program down may take 10 s, and the end of Jitsu waits for all. */
const LONGEST_END = 15_000;
const LONGEST_START = 20_000;
/** How long a service may be spoilt before looks have found it: the interval, a look, and the deadline of what follows. */
const LONGEST_DOUBT = 15_000;
/** How long a helper of Jitsu may outlive it. */
const LONGEST_AFTERLIFE = 3_000;

/** What may change at each restart; the rest of the settings stays. */
export interface ChangingSettings extends Record<string, unknown> {
  dns: { ttl: number; transport: string };
  stop: { onExit: string; policies?: readonly string[] };
  privileges?: 'none' | undefined;
}

export interface TroubleParts {
  readonly jitsu: RunningJitsu;
  readonly unikernels: readonly ChaosUnikernel[];
  readonly settings: ChangingSettings;
  readonly record: ChaosRecord;
  readonly idle: IdleProcess;
  /** Asks for a unikernel whose program is about to be killed. */
  readonly askWhileItDies: (unikernel: ChaosUnikernel) => void;
}

/** Kills, freezes, stops and restarts whatever there is. The same numbers do the same, but for what runs at the time. */
export class Trouble {
  /** Whether Jitsu is expected to be away. */
  isEnding = false;
  readonly #numbers: Numbers;

  constructor(
    private readonly parts: TroubleParts,
    seed: number,
    private readonly transport: string,
  ) {
    this.#numbers = numbersFrom(seed);
  }

  async make(end: number): Promise<void> {
    const acts: readonly (readonly [weight: number, act: () => Promise<void>])[] = [
      [24, () => this.#killProgram()],
      [10, () => this.#freezeProgram()],
      [3, () => this.#spoilService()],
      [12, () => this.#command()],
      [4, () => this.#freezeJitsu()],
      [1, () => this.#freezeHelper()],
      [1, () => this.#killHelper()],
      [3, () => this.#killGate()],
      [1, () => this.#hangUp()],
      [2, () => this.restart('SIGTERM')],
      [2, () => this.restart('SIGKILL')],
    ];
    const sum = acts.reduce((total, [weight]) => total + weight, 0);
    while (now() < end) {
      await sleep(200 + this.#numbers(1_000));
      let drawn = this.#numbers(sum);
      const [, act] = acts.find(([weight]) => (drawn -= weight) < 0) as (typeof acts)[number];
      await act();
    }
  }

  /** The programs that run, by the names of their unikernels. */
  programs(): Map<string, number[]> {
    const byAddress = processesWith(new Set(this.parts.unikernels.flatMap(({ addresses }) => addresses)));
    const found = new Map<string, number[]>();
    for (const { name, addresses } of this.parts.unikernels) {
      const pids = addresses.flatMap((address) => byAddress.get(address) ?? []);
      if (pids.length > 0) found.set(name, pids);
    }
    return found;
  }

  async start(): Promise<void> {
    const { unikernels, jitsu, record } = this.parts;
    const configured = unikernels.filter(({ isConfigured }) => isConfigured);
    jitsu.configure(configured.map(({ definition, ip, replace }) => ({ ...definition, ip, replace })));
    record.counts.starts += 1;
    const timer = new AbortController();
    const tooLate = sleep(LONGEST_START, undefined, { signal: timer.signal }).then(
      () => Promise.reject(new Error(`Jitsu does not answer ${LONGEST_START} ms after its start`)),
      () => undefined,
    );
    try {
      await Promise.race([jitsu.start(), tooLate]);
      this.isEnding = false;
    } catch (error) {
      record.fault(`a start failed: ${(error as Error).message.slice(-2_000)}`);
      throw error;
    } finally {
      timer.abort();
    }
  }

  async stop(limit = LONGEST_END): Promise<void> {
    const { jitsu, record } = this.parts;
    this.isEnding = true;
    const began = now();
    const timer = new AbortController();
    const late = sleep(limit, 'late' as const, { signal: timer.signal }).catch(() => 'in time' as const);
    const ended = jitsu.end('SIGTERM');
    if ((await Promise.race([ended, late])) === 'late') {
      record.fault(`SIGTERM did not end Jitsu within ${limit} ms`);
      await jitsu.end('SIGKILL');
    }
    timer.abort();
    const status = await ended;
    record.ends.push(now() - began);
    if (status !== 0) record.fault(`Jitsu ended by ${status} ${(now() - began).toFixed(0)} ms after SIGTERM`);
  }

  /** Starts Jitsu anew, mostly with other settings and with other unikernels than before. */
  async restart(by: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#changeSettings();
    this.#changeUnikernels();
    await this.#restart(by);
  }

  /** The last restart, with all unikernels; when this Jitsu ends nothing stays. */
  async settle(): Promise<void> {
    this.parts.settings.stop.onExit = 'stop';
    for (const unikernel of this.parts.unikernels) unikernel.isConfigured = true;
    await this.#restart('SIGTERM');
  }

  async #restart(by: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { jitsu, record } = this.parts;
    const outage = record.outage();
    const helpers = [...this.helpers(), ...this.#gates()].map((pid) => ({
      pid,
      startTime: startTimeOf(pid),
      line: commandLineOf(pid),
    }));
    if (by === 'SIGTERM') await this.stop();
    else {
      this.isEnding = true;
      await jitsu.end('SIGKILL');
    }
    const ended = now();
    await this.start();
    for (const { pid, startTime, line } of helpers) {
      while (startTime !== undefined && startTimeOf(pid) === startTime && now() < ended + LONGEST_AFTERLIFE)
        await sleep(50);
      if (startTime !== undefined && startTimeOf(pid) === startTime) {
        record.fault(`a helper of Jitsu has outlived it: ${line.replaceAll('\0', ' ')}`);
      }
    }
    outage.until = now();
  }

  #changeSettings(): void {
    const { settings } = this.parts;
    const other = this.transport === 'dgram' ? 'auto' : 'dgram';
    settings.dns.transport = this.#numbers(2) === 0 ? other : this.transport;
    settings.stop.onExit = this.#numbers(3) === 0 ? 'keep' : 'stop';
    settings.privileges = this.#numbers(2) === 0 ? 'none' : undefined;
  }

  #changeUnikernels(): void {
    const { unikernels, record } = this.parts;
    for (const unikernel of unikernels) unikernel.isConfigured = true;
    for (let left = this.#numbers(3); left > 0; left -= 1) {
      const unikernel = unikernels[this.#numbers(unikernels.length)] as ChaosUnikernel;
      unikernel.ip = unikernel.addresses.find((address) => address !== unikernel.ip)!;
      unikernel.replace = this.#numbers(3) === 0 ? 'now' : 'idle';
      record.counts.changes += 1;
    }
    for (let left = this.#numbers(4); left > 0; left -= 1) {
      const unikernel = unikernels[this.#numbers(unikernels.length)] as ChaosUnikernel;
      if (unikernel.isNeeded) continue;
      unikernel.isConfigured = false;
      record.counts.removals += 1;
    }
  }

  async #killProgram(): Promise<void> {
    const { idle, record, askWhileItDies } = this.parts;
    const [unikernel, pid] = this.#anyProgram() ?? [];
    if (unikernel === undefined || pid === undefined) return;
    const isAsked = this.#numbers(2) === 0;
    // It may have been started before its address has changed.
    const line = commandLineOf(pid);
    const address = unikernel.addresses.find((each) => line.includes(`\0${each}\0`));
    const ended = address === undefined ? undefined : await idle.watch(address);
    const disturbance = record.disturb(unikernel.name);
    // One that is suspended counts as down already: of its end nobody is told.
    const isSeen = unikernel.isConfigured && !isStopped(pid);
    const at = now();
    if (signal(pid, 'SIGKILL') && isSeen) record.addKill(unikernel.name, { at, ...(ended && { ended }) });
    for (let left = isAsked ? 30 : 5; left > 0; left -= 1) {
      if (isAsked) askWhileItDies(unikernel);
      await sleep(1);
    }
    disturbance.until = now();
  }

  async #freezeProgram(): Promise<void> {
    const { record } = this.parts;
    const [unikernel, pid] = this.#anyProgram() ?? [];
    if (unikernel === undefined || pid === undefined) return;
    const disturbance = record.disturb(unikernel.name);
    record.counts.freezes += 1;
    signal(pid, 'SIGSTOP');
    await sleep(100 + this.#numbers(900));
    signal(pid, 'SIGCONT');
    disturbance.until = now();
  }

  /** Has a program close its port or hang, which only looks at its service can find. */
  async #spoilService(): Promise<void> {
    const { record, unikernels } = this.parts;
    const watched = unikernels.filter(({ isWatched }) => isWatched);
    const { name, ip } = watched[this.#numbers(watched.length)] as ChaosUnikernel;
    const path = this.#numbers(2) === 0 ? 'close' : 'hang';
    const disturbance = record.disturb(name);
    await fetch(`http://${ip}:8080/${path}`, { signal: AbortSignal.timeout(1_000) }).then(
      (response) => response.text(),
      () => undefined,
    );
    disturbance.until = now() + LONGEST_DOUBT;
  }

  async #command(): Promise<void> {
    const { jitsu, record, unikernels } = this.parts;
    const { name } = unikernels[this.#numbers(unikernels.length)] as ChaosUnikernel;
    const commands = [
      () => jitsu.control.status(),
      () => jitsu.control.statusOf(name),
      () => jitsu.control.history({ limit: 100 }),
      () => jitsu.control.flush(),
      () => jitsu.control.summon(name),
      async () => {
        const disturbance = record.disturb(name);
        try {
          await jitsu.control.stop(name);
        } finally {
          disturbance.until = now();
        }
      },
    ];
    // What they say of crashing and deaf programs, or of a Jitsu that is away, is no fault.
    await commands[this.#numbers(commands.length)]?.().catch(() => undefined);
  }

  async #freezeJitsu(): Promise<void> {
    const { jitsu, record } = this.parts;
    record.counts.freezes += 1;
    const outage = record.outage();
    signal(jitsu.pid, 'SIGSTOP');
    await sleep(300 + this.#numbers(2_700));
    signal(jitsu.pid, 'SIGCONT');
    outage.until = now();
  }

  async #freezeHelper(): Promise<void> {
    const { record } = this.parts;
    const helper = this.#anyHelper();
    if (helper === undefined) return;
    record.counts.freezes += 1;
    const outage = record.outage();
    signal(helper, 'SIGSTOP');
    await sleep(100 + this.#numbers(900));
    signal(helper, 'SIGCONT');
    outage.until = now();
  }

  async #killHelper(): Promise<void> {
    const { record, settings } = this.parts;
    const helper = this.#anyHelper();
    if (helper === undefined) return;
    const outage = record.outage();
    signal(helper, 'SIGKILL');
    await sleep(500 + this.#numbers(1_000));
    // Without root, Jitsu cannot have another one, and says that it has to be restarted.
    if (settings.privileges !== 'none') await this.restart('SIGTERM');
    outage.until = now();
  }

  /** Kills what holds first packets. */
  async #killGate(): Promise<void> {
    for (const gate of this.#gates()) if (signal(gate, 'SIGKILL')) this.parts.record.addGateKill();
  }

  async #hangUp(): Promise<void> {
    signal(this.parts.jitsu.pid, 'SIGHUP');
    await sleep(50);
    if (!isRunning(this.parts.jitsu.pid)) this.parts.record.fault('SIGHUP has ended Jitsu');
  }

  #anyProgram(): readonly [ChaosUnikernel, number] | undefined {
    const programs = this.programs();
    const running = this.parts.unikernels.flatMap((unikernel) =>
      (programs.get(unikernel.name) ?? []).map((pid) => [unikernel, pid] as const),
    );
    return running[this.#numbers(Math.max(1, running.length))];
  }

  #anyHelper(): number | undefined {
    const helpers = this.helpers();
    return helpers[this.#numbers(Math.max(1, helpers.length))];
  }

  #gates(): number[] {
    const offspring = childrenOf(this.parts.jitsu.pid);
    return [...offspring, ...offspring.flatMap(childrenOf)].filter(
      (pid) => isNode(pid) && commandLineOf(pid).includes('gate-program.js'),
    );
  }

  /** The processes that start programs for Jitsu. */
  helpers(): number[] {
    return childrenOf(this.parts.jitsu.pid).filter((pid) => commandLineOf(pid).includes('spawner'));
  }
}
