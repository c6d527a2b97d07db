import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RuntimeRecord } from '@jitsud/core/control';
import { CommandFailure } from './command-failure.js';
import type { Control } from './core.js';
import { printable } from './output/printable.js';
import { UsageError } from './usage-error.js';

/** The flags that select the Jitsu of a command. */
export interface ControlChoice {
  /** The path of its control socket. */
  readonly control?: string;
  /** Its configuration file. */
  readonly config?: string;
}

export interface ControlLocation {
  readonly socket: string;
  /** The record of the running Jitsu, if it was found by one. */
  readonly running?: RuntimeRecord;
}

/**
 * Finds the control socket of the Jitsu that a command is for. In this order: the socket given by --control; that of
 * the running Jitsu with the named configuration, with this folder's configuration, or the only running one; the
 * default socket. A configuration is executed only if it is named and no running Jitsu has it.
 *
 * @throws UsageError if several run and none was named, CommandFailure with the code JITSU_NOT_RUNNING if a Jitsu of
 *   another configuration has the socket of the named one, and the errors of reading a named configuration
 */
export async function locateControl(
  core: Pick<Control, 'controlClient' | 'runningJitsus' | 'preferredConfig' | 'loadSettings' | 'defaultControlSocket'>,
  directory: string,
  { control, config }: ControlChoice,
): Promise<ControlLocation> {
  if (control !== undefined) return { socket: control };
  const running = core.runningJitsus();
  const files = running.flatMap(({ configFile }) => configFile ?? []);
  const file = config === undefined ? core.preferredConfig(directory, files) : resolve(directory, config);
  const withFile = running.filter(({ configFile }) => configFile !== undefined && configFile === file);
  const [found, ...others] = withFile.length > 0 || config !== undefined ? withFile : running;
  if (found !== undefined && others.length === 0) return { socket: found.socket, running: found };
  if (found !== undefined) throw new UsageError(severalRun([found, ...others]));
  if (config === undefined) return { socket: core.defaultControlSocket() };
  const { controlSocket } = await core.loadSettings({ directory, words: [], flags: {}, file: config });
  const owner = await ownerOf(core, controlSocket);
  if (owner !== undefined && !isSameFile(owner.configFile, file)) {
    const message =
      `No Jitsu runs with ${printable(config)}. Its control socket ${printable(controlSocket)} belongs to process ` +
      `${owner.pid}, which runs ${origin(owner)}: that one is meant by --control ${printable(controlSocket)}.`;
    throw Object.assign(new CommandFailure(message), { code: 'JITSU_NOT_RUNNING' });
  }
  return { socket: controlSocket };
}

/** The Jitsu that answers at a socket; `undefined` if it cannot be asked, which the command itself reports. */
async function ownerOf(core: Pick<Control, 'controlClient'>, socket: string): Promise<Process | undefined> {
  try {
    return await core.controlClient(socket).status();
  } catch {
    return undefined;
  }
}

type Process = Pick<RuntimeRecord, 'pid' | 'configFile'>;

function isSameFile(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  try {
    return one === other || realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

function origin({ configFile }: Process): string {
  return configFile === undefined ? 'from the command line' : `with ${printable(configFile)}`;
}

function severalRun(running: readonly RuntimeRecord[]): string {
  const lines = running.map((each) => `  process ${each.pid}, ${origin(each)}: --control ${printable(each.socket)}`);
  return `${running.length} Jitsus run. Say which one is meant:\n${lines.join('\n')}`;
}
