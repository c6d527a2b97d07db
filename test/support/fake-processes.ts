import type { ProcessEntry, ProcessTable } from '#process/process-table.js';

/** A table of processes that says what the test says. */
export class FakeProcessTable implements ProcessTable {
  readonly bootId = 'this boot';
  readonly entries: ProcessEntry[] = [];
  readonly environments = new Map<number, readonly string[]>();

  look(pid: number): ProcessEntry | undefined {
    return this.entries.find((entry) => entry.pid === pid);
  }

  all(): ProcessEntry[] {
    return [...this.entries];
  }

  environment(pid: number): readonly string[] | undefined {
    return this.environments.get(pid);
  }

  commandLine(): undefined {
    return undefined;
  }

  users(): undefined {
    return undefined;
  }

  /** Adds a process, which leads a group and a session where nothing else is said; `marks` are its environment. */
  add(pid: number, more: Partial<ProcessEntry> = {}, marks?: readonly string[]): void {
    this.entries.push({ pid, group: pid, session: pid, startTime: '100', state: 'alive', ...more });
    if (marks !== undefined) this.environments.set(pid, marks);
  }
}

/**
 * Processes that exist only in a test: their table, and kill(2) on them. Processes of the system cannot be signalled
 * until it is disposed.
 */
export class FakeProcesses extends FakeProcessTable implements Disposable {
  /** The signals that were sent, such as `SIGKILL -700001`, without mere checks. */
  readonly signals: string[] = [];
  /** The code with which each signal fails. */
  refusal: string | undefined;
  readonly #kill = process.kill.bind(process);

  constructor() {
    super();
    process.kill = (pid: number, signal: string | number = 'SIGTERM'): true => {
      if (signal !== 0) this.signals.push(`${signal} ${pid}`);
      const exists = this.entries.some((entry) => (pid < 0 ? entry.group === -pid : entry.pid === pid));
      const code = this.refusal ?? (exists ? undefined : 'ESRCH');
      if (code !== undefined) throw Object.assign(new Error(`kill ${code}`), { code });
      return true;
    };
  }

  /** Changes a process; without changes, it is gone. */
  change(pid: number, more?: Partial<ProcessEntry>): void {
    const index = this.entries.findIndex((entry) => entry.pid === pid);
    const [entry] = this.entries.splice(index, 1);
    if (entry !== undefined && more !== undefined) this.entries.push({ ...entry, ...more });
  }

  [Symbol.dispose](): void {
    process.kill = this.#kill;
  }
}
