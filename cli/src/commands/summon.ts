import { performance } from 'node:perf_hooks';
import type { ControlContext } from '../command-context.js';
import { locateControl, type ControlChoice } from '../control-location.js';
import { ExitStatus } from '../exit-status.js';
import { durationText } from '../output/duration-text.js';
import { printable } from '../output/printable.js';

/**
 * `jitsu summon NAME`: boots a unikernel and waits until it is ready, or says that it was ready already.
 * @throws JITSU_NOT_RUNNING, JITSU_UNIKERNEL_UNKNOWN, and the errors of a summon
 */
export async function summon(
  { core, terminal, directory }: ControlContext,
  name: string,
  choice: ControlChoice,
): Promise<ExitStatus> {
  const { socket } = await locateControl(core, directory, choice);
  const began = performance.now();
  const summoned = await core.controlClient(socket).summon(name);
  const took = durationText(performance.now() - began);
  const where = printable(summoned.addresses.join(', '));
  const outcome = summoned.wasReady ? `was ready already, on ${where}` : `is ready on ${where} after ${took}`;
  terminal.out(`${printable(summoned.name)} ${outcome}.\n`);
  return ExitStatus.ok;
}
