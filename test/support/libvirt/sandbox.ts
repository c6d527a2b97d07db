import { execFile, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { NetworkNamespace } from '../network-namespace.js';
import { requireTool } from '../require-tool.js';
import { isRunning } from '../running-jitsu.js';

const run = promisify(execFile);
/** Named as its network namespace is: where that is not there any more, the folder is of no use. */
const FOLDER_NAME = /^jitsu-test-\d+-\d+-\d+$/;

/**
 * Process 1 of a sandbox. It puts the folders in $1 in the place of libvirt's own, and then waits for processes that
 * have lost their parent: libvirtd takes no guest for ended before somebody has. All of /run is replaced: nothing of
 * systemd, D-Bus or firewalld is found there. Of all the QEMUs that the machine may have, libvirtd finds only the one
 * that the guests need, since it probes each at its start.
 */
const FIRST_PROCESS = `set -e
mount -t proc proc /proc
mount --bind "$1/etc" /etc/libvirt
for name in lib cache log; do mount --bind "$1/$name" "/var/$name/libvirt"; done
for qemu in /usr/bin/qemu-system-*; do
  case $qemu in
    *-x86_64) ;;
    *) if [ ! -L "$qemu" ]; then mount --bind /dev/null "$qemu"; fi ;;
  esac
done
mount --bind "$1/run" /run
echo ready
exec >/dev/null
while :; do sleep 1000000 & wait; done
`;

/**
 * Where a libvirtd of the tests runs: in network, mount and process namespaces of its own, with its folders in a
 * temporary one. Disposed, everything that runs in it is killed, and nothing of it is left.
 */
export class Sandbox implements AsyncDisposable {
  #first: ChildProcess | undefined;
  #isDisposed = false;

  private constructor(
    readonly namespace: NetworkNamespace,
    readonly folder: string,
    private readonly ip: string,
  ) {}

  /** Makes one, and removes what killed test runs have left. The suite is skipped where that cannot be done. */
  static async create(context: Mocha.Context): Promise<Sandbox> {
    const ip = requireTool(context, 'ip');
    const namespace = await NetworkNamespace.create(context);
    const sandbox = new Sandbox(namespace, join(tmpdir(), namespace.name), ip);
    try {
      await removeStaleFolders();
      await sandbox.#start();
    } catch (error) {
      await sandbox[Symbol.asyncDispose]();
      throw error;
    }
    return sandbox;
  }

  /** Starts a program in it, as a child of the process that is returned, which ends as the program does. */
  spawn(program: string, stdio: StdioOptions): ChildProcess {
    const first = `/proc/${String(this.#first?.pid)}/ns`;
    const words = [`--mount=${first}/mnt`, `--pid=${first}/pid_for_children`, program];
    return this.namespace.spawn('nsenter', words, { stdio, detached: true });
  }

  /** All that runs in it, numbered as outside of it. */
  async pids(): Promise<readonly number[]> {
    const { stdout } = await run(this.ip, ['netns', 'pids', this.namespace.name]);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
  }

  /** The program that {@link spawn} has started, numbered as outside; undefined where it has ended. */
  async programOf({ pid }: ChildProcess): Promise<number | undefined> {
    for (const each of await this.pids()) if ((await parentOf(each)) === pid) return each;
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await this.#end();
    for (let pids = await this.pids(); pids.length > 0; pids = await this.pids()) {
      for (const pid of pids) killIfThere(pid);
      while (pids.some(isRunning)) await sleep(5);
    }
    await rm(this.folder, { recursive: true, force: true });
    await this.namespace[Symbol.asyncDispose]();
  }

  async #start(): Promise<void> {
    for (const name of ['etc', 'lib', 'cache', 'log', 'run']) await mkdir(join(this.folder, name), { recursive: true });
    const words = ['--pid', '--fork', 'sh', '-c', FIRST_PROCESS, 'sh', this.folder];
    const first = this.namespace.spawn('unshare', words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#first = first;
    let complaint = '';
    first.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    const ended = once(first, 'close').then(() => {
      throw new Error(`no sandbox can be made: ${complaint}`);
    });
    ended.catch(() => undefined);
    if (first.stdout) await Promise.race([once(first.stdout, 'data'), ended]);
  }

  /**
   * With its process 1 the kernel ends all others, and their parents outside see to it that they are gone. Were these
   * killed as well, it would be up to the process 1 of the machine, which may take its time.
   */
  async #end(): Promise<void> {
    if (this.#first === undefined) return;
    const ended = once(this.#first, 'close');
    const pid = await this.programOf(this.#first);
    if (pid === undefined) return;
    killIfThere(pid);
    await ended;
  }
}

async function removeStaleFolders(): Promise<void> {
  const folders = (await readdir(tmpdir())).filter((name) => FOLDER_NAME.test(name));
  const stale = folders.filter((name) => !existsSync(`/run/netns/${name}`));
  // What was killed with the namespace may be about to write its last.
  for (const name of stale) await rm(join(tmpdir(), name), { recursive: true, force: true, maxRetries: 5 });
}

async function parentOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
