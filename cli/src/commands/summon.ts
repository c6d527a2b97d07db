import { performance } from 'node:perf_hooks';
import type { ControlContext } from '../command-context.js';
import { locateControl, type ControlChoice } from '../control-location.js';
import { ExitStatus } from '../exit-status.js';
import { durationText } from '../output/duration-text.js';
import { printable } from '../output/printable.js';
import { sayOfEach } from '../output/say-of-each.js';
import { unikernelOrGroup } from '../unikernel-or-group.js';

/**
 * `jitsu summon NAME`: boots a unikernel, or all of a group, and waits until it is ready, or says that it was already.
 * @throws JITSU_NOT_RUNNING, JITSU_UNIKERNEL_UNKNOWN, and the errors of a summon; CommandFailure for those of a group
 */
export async function summon(
  { core, terminal, directory }: ControlContext,
  name: string,
  choice: ControlChoice,
): Promise<ExitStatus> {
  const { socket } = await locateControl(core, directory, choice);
  const client = core.controlClient(socket);
  const began = performance.now();
  const summoned = await unikernelOrGroup(
    () => client.summon(name),
    () => client.summonGroup(name),
  );
  const took = durationText(performance.now() - began);
  const outcome = (wasReady: boolean, addresses: readonly string[], after = ''): string => {
    const where = printable(addresses.join(', '));
    return wasReady ? `was ready already, on ${where}.\n` : `is ready on ${where}${after}.\n`;
  };
  if ('one' in summoned) {
    const { name: found, wasReady, addresses } = summoned.one;
    terminal.out(`${printable(found)} ${outcome(wasReady, addresses, ` after ${took}`)}`);
    return ExitStatus.ok;
  }
  sayOfEach(name, summoned.all, terminal, 'summoned', ({ name: member, wasReady, addresses }) => {
    return `${printable(member)} ${outcome(wasReady, addresses)}`;
  });
  terminal.out(`All of the group ${printable(name)} are ready after ${took}.\n`);
  return ExitStatus.ok;
}
