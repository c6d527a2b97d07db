import type { UnikernelStatus } from '@jitsud/core/control';
import type { ControlContext } from '../command-context.js';
import { locateControl, type ControlChoice } from '../control-location.js';
import { ExitStatus } from '../exit-status.js';
import { printable } from '../output/printable.js';
import { sayOfEach } from '../output/say-of-each.js';
import { unikernelOrGroup } from '../unikernel-or-group.js';

/**
 * `jitsu stop NAME`: stops a unikernel, or all of a group, and waits until it has stopped.
 * @throws JITSU_NOT_RUNNING, JITSU_UNIKERNEL_UNKNOWN, JITSU_STOP_MODE_UNSUPPORTED, and the errors of the backend;
 * CommandFailure for those of a group
 */
export async function stop(
  { core, terminal, directory }: ControlContext,
  name: string,
  { mode, ...choice }: ControlChoice & { readonly mode?: string },
): Promise<ExitStatus> {
  const { socket } = await locateControl(core, directory, choice);
  const client = core.controlClient(socket);
  const stopped = await unikernelOrGroup(
    () => client.stop(name, mode),
    () => client.stopGroup(name, mode),
  );
  if ('one' in stopped) {
    terminal.out(outcome(stopped.one));
    return ExitStatus.ok;
  }
  const together = new Set(stopped.all.unikernels.map((member) => member.name));
  sayOfEach(name, stopped.all, terminal, 'stopped', (member) => outcome(member, together));
  return ExitStatus.ok;
}

/** @param together those that were stopped with it */
function outcome({ name, state, neededBy = [] }: UnikernelStatus, together?: ReadonlySet<string>): string {
  const done = `${printable(name)} is ${printable(state)}.\n`;
  const others = neededBy.filter((dependent) => together?.has(dependent) !== true);
  if (others.length === 0) return done;
  const [who, needs] = [others.map(printable).join(', '), others.length === 1 ? 'needs' : 'need'];
  return `${done}${who} ${needs} it, and may still run: what asks for ${who} next starts it again.\n`;
}
