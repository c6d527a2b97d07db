import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '#core/control/control-client.js';
import type { StatusReport, UnikernelStatus } from '#core/control/status-report.js';
import type { Reply } from './ask-over-udp.js';
import { nodeFlags } from './node-flags.js';
import { thisMachine } from './place.js';
import { TemporaryFolder } from './temporary-folder.js';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));
const PROGRAM = fileURLToPath(new URL('served-program.js', import.meta.url));

let loopbackAddresses = 0;

/** What becomes the command of a unikernel. */
interface Served {
  readonly habits?: readonly string[];
  readonly ip?: string;
  /** Where Node is found, or will be. */
  readonly node?: string;
}

/** The times of one run of a served program, in milliseconds of the machine's clock. */
export interface ProgramRun {
  readonly pid: number;
  readonly began: number;
  readonly listened?: number;
}

/**
 * The real `jitsu start` in a process of its own, with a folder of its own, which can be killed and started again.
 * Disposed, nothing of it is left: no process, no socket, no file.
 */
export class RunningJitsu implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #runs = this.#folder.in('runs');
  readonly socket = this.#folder.in('control.sock');
  readonly control = new ControlClient(this.socket);
  log = '';
  #child: ChildProcess | undefined;
  /** Where it answers DNS. */
  port = 0;

  constructor(
    private unikernels: readonly object[],
    private readonly settings: Readonly<Record<string, unknown>> = {},
    private readonly place = thisMachine,
  ) {
    mkdirSync(this.#runs);
    // As root, Jitsu becomes another user, who has to get to its runtime folder.
    chmodSync(this.#folder.path, 0o711);
  }

  /** A unikernel with a loopback address of its own, behind `NAME.test`, whose program has these habits. */
  static aUnikernel(name: string, habits: readonly string[] = [], more: object = {}): Record<string, unknown> {
    // Two of one run never share an address, nor do those of test processes that run side by side.
    const network = `127.${64 + ((process.pid >> 8) & 127)}.${process.pid & 255}`;
    const ip = `${network}.${1 + (loopbackAddresses++ % 254)}`;
    return { name, dns: `${name}.test`, ip, habits, ready: 'tcp:8080', ...more };
  }

  /** The path of a file in its folder. */
  in(...names: string[]): string {
    return this.#folder.in(...names);
  }

  /** Has the next start serve these. */
  configure(unikernels: readonly object[]): void {
    this.unikernels = unikernels;
  }

  /** Starts it, again after it has ended. Resolves when it answers. */
  async start(flags: readonly string[] = []): Promise<void> {
    const unikernels = this.unikernels.map(({ habits, node = process.execPath, ...unikernel }: Served) => ({
      ...unikernel,
      ...(habits && { command: [node, PROGRAM, this.#runs, unikernel.ip, '8080', ...habits] }),
    }));
    const { dns, stop, ...more } = this.settings as Record<string, object>;
    const file = this.#folder.in('jitsu.config.json');
    const config = {
      dns: { bind: '127.0.0.1', port: 0, forwarders: 'off', ...dns },
      // By `traffic`, a visit would keep a program for a minute, where the program is the one that ends the connection.
      stop: { onExit: 'stop', policies: ['ttl'], ...stop },
      backend: 'process',
      control: { socket: this.socket },
      runtimeDirectory: this.#folder.in('run'),
      ...more,
      unikernels,
    };
    writeFileSync(file, JSON.stringify(config));
    const child = this.place.spawn(process.execPath, [...nodeFlags, COMMAND, 'start', '--config', file, ...flags], {
      env: { ...process.env, RUNTIME_DIRECTORY: this.#folder.in('run') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    const ended = once(child, 'exit').then(([status, signal]) => {
      throw new Error(`jitsu start ended with ${String(status ?? signal)}:\n${this.log.slice(-20_000)}`);
    });
    await Promise.race([this.#untilListening(), ended]);
    ended.catch(() => undefined);
  }

  /** Of the Jitsu that was started last. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Sends a signal and resolves with the exit status, or the signal that ended it. */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return 'ended before';
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    child.kill(signal);
    const [status, name] = await ended;
    return status ?? name ?? 'ended';
  }

  ask(name: string, type = 'A'): Promise<Reply> {
    return this.place.ask(this.port, name, type);
  }

  /** Asks for the address and then for the page behind it, once each: what the page says is the program's pid. */
  async visit(name: string): Promise<number> {
    const { addresses, rcode } = await this.ask(name);
    if (addresses[0] === undefined) throw new Error(`${name}: ${rcode}\n${this.log}`);
    const response = await fetch(`http://${addresses[0]}:8080/`, { headers: { connection: 'close' } });
    return Number(await response.text());
  }

  async status(name: string): Promise<UnikernelStatus> {
    const { unikernels } = await this.report();
    const found = unikernels.find((unikernel) => unikernel.name === name);
    if (!found) throw new Error(`there is no ${name}`);
    return found;
  }

  report(): Promise<StatusReport> {
    return this.control.status();
  }

  /** Lets programs of other users note their runs. */
  letOthersWrite(): void {
    chmodSync(this.#runs, 0o777);
  }

  /** The files in which it keeps which processes are its own. */
  records(): readonly string[] {
    const folder = this.#folder.in('run', 'process-process');
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => `${folder}/${name}`);
  }

  /** The bytes in the files of all programs' output. */
  sizeOfOutput(): number {
    const folder = this.#folder.in('run', 'process-process', 'output');
    return readdirSync(folder).reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
  }

  /** The pids of all served programs so far. */
  pids(): readonly number[] {
    return readdirSync(this.#runs).map(Number);
  }

  /** As a cleaner of temporary files does it. */
  removeRuntimeFolder(): void {
    rmSync(this.#folder.in('run'), { recursive: true });
  }

  /** Every run of a served program so far. */
  runs(): readonly ProgramRun[] {
    return this.pids().map((pid) => ({
      pid,
      ...(JSON.parse(readFileSync(`${this.#runs}/${pid}`, 'utf8')) as Omit<ProgramRun, 'pid'>),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGTERM');
    for (const pid of this.pids()) if (this.#isOurs(pid)) process.kill(pid, 'SIGKILL');
    this.#folder[Symbol.dispose]();
  }

  async #untilListening(): Promise<void> {
    for (;;) {
      const report = await this.report().catch(() => undefined);
      const port = report?.pid === this.#child?.pid ? report?.listening[0]?.port : undefined;
      if (port !== undefined) {
        this.port = port;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** A pid may have passed to a stranger by now. */
  #isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.#runs);
    } catch {
      return false;
    }
  }
}

/** Whether a process is there and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
