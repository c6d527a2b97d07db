import type { MachineDescription } from '../contracts/machine.js';
import type { Unikernel } from './unikernel.js';

/**
 * Asks a machine's backend how it is. It is asked anew where what it says contradicts what somebody else has learnt
 * meanwhile, which may be newer: not every backend answers in the order of the questions. Rejects as the backend does.
 */
export async function look(
  unikernel: Unikernel,
  learn = (description: MachineDescription): void => unikernel.learn(description),
): Promise<void> {
  const { machine } = unikernel.plan;
  for (;;) {
    const { learnt } = unikernel;
    const description = await machine.describe();
    if (unikernel.learnt !== learnt && description.state !== unikernel.state) continue;
    learn(description);
    return;
  }
}
