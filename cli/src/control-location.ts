import { resolve } from 'node:path';
import type { RuntimeRecord } from '@jitsud/core/control';
import type { Control } from './core.js';
import { printable } from './output/printable.js';
import { UsageError } from './usage-error.js';

/** Which Jitsu a command is about. */
export interface ControlChoice {
  /** Its control socket. */
  readonly control?: string;
  /** Its configuration file. */
  readonly config?: string;
}

export interface ControlLocation {
  readonly socket: string;
  /** What the Jitsu has recorded of itself, where it runs and was found by that. */
  readonly running?: RuntimeRecord;
}

/**
 * Finds the control socket of the Jitsu that a person means: the one named, else that of the running Jitsu with the
 * configuration named, else with that of this folder, else of the only one that runs, else the usual one. No
 * configuration is run, but for one that is named and with which no Jitsu runs.
 *
 * @throws UsageError where several run and none was named, and what reading a configuration that was named throws
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
