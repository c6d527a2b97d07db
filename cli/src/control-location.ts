import { resolve } from 'node:path';
import type { RuntimeRecord } from '@jitsud/core/control';
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
 * @throws UsageError if several run and none was named, and the errors of reading a named configuration
 */
export async function locateControl(
  core: Pick<Control, 'runningJitsus' | 'findConfigFile' | 'loadSettings' | 'defaultControlSocket'>,
  directory: string,
  { control, config }: ControlChoice,
): Promise<ControlLocation> {
  if (control !== undefined) return { socket: control };
  const running = core.runningJitsus();
  const file = config === undefined ? core.findConfigFile(directory) : resolve(directory, config);
  const withFile = running.filter(({ configFile }) => configFile !== undefined && configFile === file);
  const [found, ...others] = withFile.length > 0 || config !== undefined ? withFile : running;
  if (found !== undefined && others.length === 0) return { socket: found.socket, running: found };
  if (found !== undefined) throw new UsageError(severalRun([found, ...others]));
  if (config === undefined) return { socket: core.defaultControlSocket() };
  const { controlSocket } = await core.loadSettings({ directory, words: [], flags: {}, file: config });
  return { socket: controlSocket };
}

function severalRun(running: readonly RuntimeRecord[]): string {
  const lines = running.map(({ pid, socket, configFile }) => {
    const origin = configFile === undefined ? 'from the command line' : `with ${printable(configFile)}`;
    return `  process ${pid}, ${origin}: --control ${printable(socket)}`;
  });
  return `${running.length} Jitsus run. Say which one is meant:\n${lines.join('\n')}`;
}
