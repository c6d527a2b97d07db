import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errorCode, errorMessage } from '../errors.js';

/** A controller of cgroup v2 (the kernel's Documentation/admin-guide/cgroup-v2.rst). */
export type Controller = 'memory' | 'cpu' | 'pids';

/** Where control groups can be made. */
export interface ControlGroupFolder {
  readonly folder: string;
  /** Whether Jitsu was started in that very group, which must be as it was before the next Jitsu can be. */
  readonly handBack: boolean;
}

/** The group of Jitsu's own processes, as DelegateSubgroup= of systemd.exec(5) may call it, too. */
const OWN_GROUP = 'supervisor';

/** How often processes are looked for that were forked while others were moved. */
const MOST_LOOKS = 20;

const WITHOUT_V2 =
  "Control groups version 2 do that; a Linux that still uses version 1 changes to them at the next boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line.";

const DELEGATION =
  'Start Jitsu as a service that has Delegate=yes, or by "systemd-run --scope -p Delegate=yes jitsu start".';

/** The control groups (cgroup v2) in which Jitsu may limit programs. */
export class ControlGroups {
  #own: { readonly folder: string; readonly handBack: boolean } | undefined;

  /** @param root where /proc, /sys and /run are found */
  constructor(private readonly root = '/') {}

  /** Why this system cannot limit by these controllers, whoever Jitsu is started by. */
  lackOf(controllers: readonly Controller[]): string | undefined {
    const mount = this.#mount();
    const offered = mount === undefined ? [] : wordsIn(join(mount.folder, 'cgroup.controllers'));
    const lacking = controllers.filter((name) => !offered.includes(name));
    return lacking.length === 0 ? undefined : `This system does not limit ${listOf(lacking)}. ${WITHOUT_V2}`;
  }

  /**
   * Makes it possible to limit by these controllers: Jitsu's own processes go into a group beside those of the programs,
   * since no processes can be in a group that shares out memory to others.
   * @throws an error that says what is in the way, and what helps
   */
  async open(controllers: readonly Controller[]): Promise<ControlGroupFolder> {
    const lack = this.lackOf(controllers);
    if (lack !== undefined) throw new Error(lack);
    const { folder, handBack } = (this.#own ??= await this.#find());
    const offered = wordsIn(join(folder, 'cgroup.controllers'));
    const lacking = controllers.filter((name) => !offered.includes(name));
    if (lacking.length > 0) {
      throw new Error(`The control group of Jitsu, ${folder}, may not limit ${listOf(lacking)}. ${DELEGATION}`);
    }
    try {
      // Only the root of all groups may hold processes besides, and has no type.
      if (existsSync(join(folder, 'cgroup.type'))) moveProcesses(folder, join(folder, OWN_GROUP));
      enable(folder, controllers);
    } catch (error) {
      throw new Error(`Jitsu may not make control groups in ${folder}: ${errorMessage(error)}. ${DELEGATION}`, {
        cause: error,
      });
    }
    return { folder, handBack };
  }

  async #find(): Promise<ControlGroupFolder> {
    const mount = this.#mount();
    const [, path] = /^0::(\/.*)$/m.exec(readFileSync(join(this.root, 'proc/self/cgroup'), 'utf8')) ?? [];
    if (mount === undefined || path?.startsWith(mount.root) !== true) {
      throw new Error(`Jitsu's own control group, ${path ?? 'none'}, cannot be seen from here. ${DELEGATION}`);
    }
    const own = join(mount.folder, path.slice(mount.root.length));
    const folder = basename(own) === OWN_GROUP ? dirname(own) : own;
    await this.#checkDelegation(path);
    return { folder, handBack: folder === own && existsSync(join(own, 'cgroup.type')) };
  }

  /** Asks systemd, which takes back in silence what it has not delegated. */
  async #checkDelegation(path: string): Promise<void> {
    const unit = path.split('/').findLast((name) => /\.(service|scope)$/.test(name));
    if (unit === undefined || !existsSync(join(this.root, 'run/systemd/system'))) return;
    const manager = /\/user@\d+\.service\/./.test(path) ? ['--user'] : [];
    const words = [...manager, 'show', '--property=Delegate', '--value', '--', unit];
    // Where systemd does not answer, the system's own refusal says enough.
    const { stdout } = await promisify(execFile)('systemctl', words).catch(() => ({ stdout: '' }));
    if (stdout.trim() === 'no') throw new Error(`systemd has not delegated the control group of ${unit}. ${DELEGATION}`);
  }

  /** Where cgroup v2 is mounted, and which group is seen there (proc_pid_mountinfo(5)). */
  #mount(): { readonly folder: string; readonly root: string } | undefined {
    for (const line of linesIn(join(this.root, 'proc/self/mountinfo'))) {
      const [, root, folder] = /^\S+ \S+ \S+ (\S+) (\S+) .* - cgroup2 /.exec(line) ?? [];
      if (root !== undefined && folder !== undefined) {
        return { folder: join(this.root, folder), root: root === '/' ? '' : root };
      }
    }
    return undefined;
  }
}

function moveProcesses(from: string, to: string): void {
  let processes = linesIn(join(from, 'cgroup.procs'));
  if (processes.length > 0) mkdirSync(to, { recursive: true });
  for (let looks = 0; processes.length > 0 && looks < MOST_LOOKS; looks += 1) {
    for (const pid of processes) moveProcess(pid, to);
    processes = linesIn(join(from, 'cgroup.procs'));
  }
}

function moveProcess(pid: string, to: string): void {
  try {
    writeFileSync(join(to, 'cgroup.procs'), pid);
  } catch (error) {
    // It has ended.
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

function enable(folder: string, controllers: readonly Controller[]): void {
  const file = join(folder, 'cgroup.subtree_control');
  const enabled = wordsIn(file);
  const lacking = controllers.filter((name) => !enabled.includes(name));
  if (lacking.length > 0) writeFileSync(file, lacking.map((name) => `+${name}`).join(' '));
}

function linesIn(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}

function wordsIn(file: string): string[] {
  return linesIn(file).flatMap((line) => line.split(' '));
}

function listOf(controllers: readonly Controller[]): string {
  return controllers.map((name) => (name === 'pids' ? 'processes' : name)).join(', ');
}
