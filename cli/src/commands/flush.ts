import type { ControlContext } from '../command-context.js';
import { locateControl, type ControlChoice } from '../control-location.js';
import { ExitStatus } from '../exit-status.js';

/**
 * `jitsu flush [NAME]`: removes a name and all names below it, or all names, from the caches of a running Jitsu.
 * @throws JITSU_NOT_RUNNING, JITSU_CONTROL_FAILED
 */
export async function flush(
  { core, terminal, directory }: ControlContext,
  name: string | undefined,
  choice: ControlChoice,
): Promise<ExitStatus> {
  const { socket } = await locateControl(core, directory, choice);
  const { flushed } = await core.controlClient(socket).flush(name);
  terminal.out(`${flushed} ${flushed === 1 ? 'answer' : 'answers'} forgotten.\n`);
  return ExitStatus.ok;
}
