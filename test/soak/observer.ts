import { setTimeout as sleep } from 'node:timers/promises';
import type { JitsuChild } from '../bench/jitsu-child.js';
import { processorTime } from '../bench/process-usage.js';
import type { Abuse } from './abuse.js';
import { sampleProcess, type ProcessSample } from './process-sample.js';
import type { SteadyTraffic } from './steady-traffic.js';
import { faultsOf } from './verdict.js';

/** How often a process is looked at: each time costs it a garbage collection. */
const LOOK = 10_000; // ms
const LOOKS_A_LINE = 6;

/** Looks at a Jitsu while it is worn out, says once a minute how it fares, and judges at the end. */
export class Observer {
  readonly #samples: ProcessSample[] = [];
  #messagesBefore = 0;
  #timeBefore = 0;
  #processorTimeBefore = 0;
  #crash: string | undefined;

  constructor(
    private readonly jitsu: JitsuChild,
    private readonly traffic: SteadyTraffic,
    private readonly abuse: Abuse,
  ) {}

  /** Resolves when the time is over, or when there is nothing left to look at. */
  async watch(minutes: number): Promise<void> {
    console.log(HEAD);
    this.#timeBefore = performance.now();
    this.#processorTimeBefore = processorTime(this.jitsu.pid);
    for (let look = 1; look <= minutes * LOOKS_A_LINE; look += 1) {
      await sleep(LOOK);
      if (this.jitsu.hasEnded) {
        this.#crash = `Jitsu has ended after ${((look * LOOK) / 60_000).toFixed(1)} minutes`;
        return;
      }
      const sample = sampleProcess(this.jitsu.pid, await this.jitsu.heapInUse());
      this.#samples.push(sample);
      if (look % LOOKS_A_LINE === 0) this.#print(look / LOOKS_A_LINE, sample);
    }
  }

  /** What was wrong, if anything. */
  verdict(): string[] {
    const { ready, forwarded, booted } = this.traffic;
    const { datagrams, messages, connections, missing } = this.abuse.counts;
    console.log(
      `\n${datagrams} spoilt datagrams, ${messages} messages over ${connections} TCP connections; asked and answered: ` +
        `${ready.asked} for ready names (${ready.repeated} only when repeated), ${forwarded.asked} forwarded ` +
        `(${forwarded.repeated}), ${booted.asked} that may boot (${booted.repeated})`,
    );
    const crash = this.#crash === undefined ? [] : [this.#crash];
    return [...crash, ...faultsOf(this.#samples, { ready, forwarded, booted }, missing)];
  }

  #print(minute: number, sample: ProcessSample): void {
    const { ready, forwarded, booted } = this.traffic;
    const { datagrams, messages } = this.abuse.counts;
    const all = datagrams + messages + ready.asked + forwarded.asked + booted.asked;
    const [count, now] = [all - this.#messagesBefore, performance.now()];
    const cost = ((sample.processorTime - this.#processorTimeBefore) * 1_000) / count;
    const faulty = [ready, forwarded, booted].reduce((sum, { missing, wrong }) => sum + missing + wrong, 0);
    const cells = [
      minute.toString(),
      sample.residentMemory.toFixed(0),
      sample.heap.toFixed(1),
      sample.files.toString(),
      sample.threads.toString(),
      Math.round((count * 1_000) / (now - this.#timeBefore)).toString(),
      cost.toFixed(0),
      ready.takePercentiles(),
      booted.takePercentiles(),
      forwarded.takePercentiles(),
      faulty.toString(),
    ];
    console.log(cells.map((cell, n) => cell.padStart(WIDTHS[n] ?? 0)).join('  '));
    this.#messagesBefore = all;
    this.#timeBefore = now;
    this.#processorTimeBefore = sample.processorTime;
  }
}

const COLUMNS: readonly (readonly [string, number])[] = [
  ['minute', 6],
  ['resident MiB', 12],
  ['heap MiB', 8],
  ['files', 5],
  ['threads', 7],
  ['messages/s', 10],
  ['CPU µs each', 11],
  ['ready ms p50/99/99.9', 20],
  ['booted ms', 22],
  ['forwarded ms', 20],
  ['faults', 6],
];
const WIDTHS = COLUMNS.map(([, width]) => width);
const HEAD = COLUMNS.map(([title, width]) => title.padStart(width)).join('  ');
