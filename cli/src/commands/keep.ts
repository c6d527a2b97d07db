import type { ControlContext } from '../command-context.js';
import type { KeepChoice } from '../command-line.js';
import { locateControl } from '../control-location.js';
import { ExitStatus } from '../exit-status.js';
import { momentText } from '../output/moment-text.js';
import { printable } from '../output/printable.js';
import { UsageError } from '../usage-error.js';

/**
 * `jitsu keep NAME`: keeps a unikernel from being stopped by its policies for a while, or no more.
 * @throws UsageError without a time; JITSU_NOT_RUNNING, JITSU_UNIKERNEL_UNKNOWN, JITSU_CONTROL_FAILED for no time
 */
export async function keep(
  { core, terminal, directory }: ControlContext,
  unikernel: string,
  { for: duration, until, ...choice }: KeepChoice,
): Promise<ExitStatus> {
  const time = duration === undefined ? until && { until } : { for: duration };
  if (!time) throw new UsageError('How long is missing: --for 2h, or --until 18:00.', 'keep');
  const { socket } = await locateControl(core, directory, choice);
  const { name, keptUntil, state, isStored } = await core.controlClient(socket).keep(unikernel, time);
  const who = printable(name);
  if (keptUntil === undefined) {
    terminal.out(`${who} is not kept by this command any more.\n`);
    return ExitStatus.ok;
  }
  const forgotten = isStored ? '' : ', or until Jitsu ends, which keeps no state on the disk';
  terminal.out(`${who} is kept until ${momentText(keptUntil, Date.now())}${forgotten}.\n`);
  if (state !== 'running') terminal.out(`It is ${printable(state)} now: a query or "jitsu summon" starts it.\n`);
  return ExitStatus.ok;
}
