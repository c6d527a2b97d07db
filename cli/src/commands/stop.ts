import type { ControlContext } from '../command-context.js';
import { locateControl, type ControlChoice } from '../control-location.js';
import { ExitStatus } from '../exit-status.js';
import { printable } from '../output/printable.js';

/**
 * `jitsu stop NAME`: stops a unikernel and waits until it has stopped.
 * @throws JITSU_NOT_RUNNING, JITSU_UNIKERNEL_UNKNOWN, JITSU_STOP_MODE_UNSUPPORTED, and the errors of the backend
 */
export async function stop(
  { core, terminal, directory }: ControlContext,
  name: string,
  { mode, ...choice }: ControlChoice & { readonly mode?: string },
): Promise<ExitStatus> {
  const { socket } = await locateControl(core, directory, choice);
  const stopped = await core.controlClient(socket).stop(name, mode);
  terminal.out(`${printable(stopped.name)} is ${printable(stopped.state)}.\n`);
  const { neededBy = [] } = stopped;
  if (neededBy.length > 0) {
    const [who, needs] = [neededBy.map(printable).join(', '), neededBy.length === 1 ? 'needs' : 'need'];
    terminal.out(`${who} ${needs} it, and may still run: what asks for ${who} next starts it again.\n`);
  }
  return ExitStatus.ok;
}
