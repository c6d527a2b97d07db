import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { cannotRun } from './cannot-run.js';
import { requireRoot, requireTool } from './require-tool.js';

const run = promisify(execFile);
const PREFIX = 'jitsu-test';
let created = 0;

/**
 * A network of one's own for an end-to-end test: every port is free, only loopback is there (all of 127.0.0.0/8 and
 * ::1), and /etc/resolv.conf can be replaced. Needs root and iproute2. Dispose it in an `after` hook: that kills what
 * still runs in it.
 */
export class NetworkNamespace implements AsyncDisposable {
  private disposed = false;

  private constructor(
    readonly name: string,
    private readonly ip: string,
  ) {}

  /** Makes one, and removes those that a killed test run has left. The suite is skipped where that cannot be done. */
  static async create(context?: Mocha.Context): Promise<NetworkNamespace> {
    requireRoot(context);
    const ip = requireTool(context, 'ip');
    await removeStale(ip);
    created += 1;
    const name = [PREFIX, process.pid, await startTimeOf(process.pid), created].join('-');
    try {
      await run(ip, ['netns', 'add', name]);
    } catch (error) {
      if (context === undefined) throw error;
      cannotRun(context, `no network namespace can be made here: ${String(error)}`);
    }
    const namespace = new NetworkNamespace(name, ip);
    try {
      await namespace.run('ip', 'link', 'set', 'lo', 'up');
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
    return namespace;
  }

  /** Starts a program in it. */
  spawn(program: string, parameters: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn(this.ip, ['netns', 'exec', this.name, program, ...parameters], options);
  }

  /** Runs a program in it to its end; rejects when that fails. Resolves with what it printed. */
  async run(program: string, ...parameters: string[]): Promise<string> {
    const { stdout } = await run(this.ip, ['netns', 'exec', this.name, program, ...parameters]);
    return stdout;
  }

  /**
   * Gives the programs that are started from now on an /etc/resolv.conf of their own. Called again it changes the very
   * file that those which run already see, in place.
   */
  async writeResolvConf(text: string): Promise<void> {
    await mkdir(`/etc/netns/${this.name}`, { recursive: true });
    await writeFile(`/etc/netns/${this.name}/resolv.conf`, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await remove(this.ip, this.name);
  }
}

async function removeStale(ip: string): Promise<void> {
  for (const name of await namesOfAll(ip)) {
    const [, pid, startTime] = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)-\\d+$`).exec(name) ?? [];
    if (pid !== undefined && (await startTimeOf(Number(pid))) !== startTime) await remove(ip, name);
  }
}

async function namesOfAll(ip: string): Promise<string[]> {
  const { stdout } = await run(ip, ['netns', 'list']);
  return stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
}

async function remove(ip: string, name: string): Promise<void> {
  try {
    const { stdout } = await run(ip, ['netns', 'pids', name]);
    for (const pid of stdout.split('\n').filter((line) => line !== '')) killIfThere(Number(pid));
    await run(ip, ['netns', 'delete', name]);
  } catch (error) {
    // Another test process may have removed the same stale one at the same time.
    if ((await namesOfAll(ip)).includes(name)) throw error;
  }
  await rm(`/etc/netns/${name}`, { recursive: true, force: true });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Field 22 of /proc/PID/stat, which with the pid names a process for good; undefined where there is none. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
