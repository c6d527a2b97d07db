import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errorMessage } from '../errors.js';
import { JITSU_GROUP } from './control-group.js';
import { findTool } from './find-tool.js';
import { systemCommand } from './system-command.js';

/** A controller of cgroup v2 (the kernel's Documentation/admin-guide/cgroup-v2.rst). */
export type Controller = 'memory' | 'cpu' | 'pids';

/** Where control groups can be made. */
export interface ControlGroupFolder {
  readonly folder: string;
  /** Whether Jitsu was started in that very group, which must be as it was before the next Jitsu can be. */
  readonly handBack: boolean;
}

const WITHOUT_V2 =
  "Control groups version 2 do that; a Linux that still uses version 1 changes to them at the next boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line.";

const DELEGATION =
  'Start Jitsu as a service that has Delegate=yes, or by "systemd-run --scope -p Delegate=yes jitsu start".';

/** Finds the control groups (cgroup v2) in which Jitsu may limit programs; it changes nothing. */
export class ControlGroups {
  #found: ControlGroupFolder | undefined;

  /** @param root where /proc, /sys and /run are found */
  constructor(private readonly root = '/') {}

  /** Why this system cannot limit by these controllers, whoever Jitsu is started by. */
  lackOf(controllers: readonly Controller[]): string | undefined {
    const mount = this.#mount();
    const lacking = notIn(mount === undefined ? undefined : join(mount.folder, 'cgroup.controllers'), controllers);
    return lacking === '' ? undefined : `This system does not limit ${lacking}. ${WITHOUT_V2}`;
  }

  /** @throws an error that says why programs cannot be limited by these controllers, and what helps */
  async find(controllers: readonly Controller[]): Promise<ControlGroupFolder> {
    const lack = this.lackOf(controllers);
    if (lack !== undefined) throw new Error(lack);
    const found = (this.#found ??= await this.#find());
    const lacking = notIn(join(found.folder, 'cgroup.controllers'), controllers);
    if (lacking === '') return found;
    throw new Error(`The control group of Jitsu, ${found.folder}, may not limit ${lacking}. ${DELEGATION}`);
  }

  async #find(): Promise<ControlGroupFolder> {
    const mount = this.#mount();
    const [, path] = /^0::(\/.*)$/m.exec(contentOf(join(this.root, 'proc/self/cgroup'))) ?? [];
    if (mount === undefined || path?.startsWith(mount.root) !== true) {
      throw new Error(`The control group of Jitsu, ${path ?? 'none'}, cannot be seen from here. ${DELEGATION}`);
    }
    await this.#checkDelegation(path);
    const own = join(mount.folder, path.slice(mount.root.length));
    const folder = basename(own) === JITSU_GROUP ? dirname(own) : own;
    try {
      const { R_OK, W_OK, X_OK } = constants;
      accessSync(folder, R_OK | W_OK | X_OK);
      for (const file of ['cgroup.procs', 'cgroup.subtree_control']) accessSync(join(folder, file), R_OK | W_OK);
    } catch (error) {
      throw new Error(`Jitsu may not make control groups: ${errorMessage(error)}. ${DELEGATION}`, { cause: error });
    }
    return { folder, handBack: folder === own };
  }

  /** Asks systemd, which takes back in silence what it has not delegated. */
  async #checkDelegation(path: string): Promise<void> {
    const unit = path.split('/').findLast((name) => /\.(service|scope)$/.test(name));
    if (unit === undefined || !existsSync(join(this.root, 'run/systemd/system'))) return;
    const manager = /\/user@\d+\.service\/./.test(path) ? ['--user'] : [];
    const words = [...manager, 'show', '--property=Delegate', '--value', '--', unit];
    const { XDG_RUNTIME_DIR = '' } = process.env;
    const command = systemCommand(findTool('systemctl') ?? 'systemctl', words, { XDG_RUNTIME_DIR });
    const asked = promisify(execFile)(command.file, command.words, { env: command.env });
    // Where systemd does not answer, the system's own refusal says enough.
    const { stdout } = await asked.catch(() => ({ stdout: '' }));
    if (stdout.trim() === 'no')
      throw new Error(`systemd has not delegated the control group of ${unit}. ${DELEGATION}`);
  }

  /** Where cgroup v2 is mounted, and which group is seen there (proc_pid_mountinfo(5)). */
  #mount(): { readonly folder: string; readonly root: string } | undefined {
    for (const line of contentOf(join(this.root, 'proc/self/mountinfo')).split('\n')) {
      const [, root, folder] = /^\S+ \S+ \S+ (\S+) (\S+) .* - cgroup2 /.exec(line) ?? [];
      if (root !== undefined && folder !== undefined) {
        return { folder: join(this.root, folder), root: root === '/' ? '' : root };
      }
    }
    return undefined;
  }
}

/** Those of the controllers that a file does not list, for people. */
function notIn(file: string | undefined, controllers: readonly Controller[]): string {
  const offered = file === undefined ? [] : contentOf(file).split(/\s+/);
  const lacking = controllers.filter((name) => !offered.includes(name));
  return lacking.map((name) => (name === 'pids' ? 'processes' : name)).join(', ');
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
