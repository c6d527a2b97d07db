import { z } from 'zod';
import type { StopMode } from '../contracts/machine.js';
import { valueProblem, type ConfigProblem } from './config-problems.js';
import { duration } from '../plugin-kit/duration.js';

/** The word for the mode after which a unikernel is back soonest, where that is worth its price. */
export const FASTEST = 'fastest';

/** A stop mode, with completion for the usual ones; the backend of each unikernel decides which are supported. */
export function stopMode(description: string): z.ZodType<StopMode, StopMode> {
  return z.string().min(1).describe(description);
}

/** The key `replace`. */
export function replaceMoment(description: string) {
  return z.enum(['idle', 'now']).describe(description);
}

/** The problem of a mode that the backend does not support. */
export function stopModeProblem(
  path: string,
  mode: StopMode,
  backend: string,
  supported: readonly StopMode[],
): ConfigProblem {
  const expected = `The backend ${backend} can stop a unikernel by: ${supported.join(', ')}.`;
  return { ...valueProblem(path, mode, expected), code: 'JITSU_STOP_MODE_UNSUPPORTED' };
}

/** The key `stop`. */
export const stopSchema = z.strictObject({
  mode: stopMode(
    'How to stop: destroy, shutdown, suspend, or what else the backend has; fastest suspends what has booted slowly; where absent, the usual mode of each backend',
  ).optional(),
  grace: duration('How long a guest may take to stop by itself before it is destroyed').prefault(10),
  policies: z
    .array(z.string(), "A list of policies such as ['keep-alive'] expected.")
    .prefault(['connections', 'traffic', 'ttl'])
    .describe(
      'The policies that decide when a unikernel stops, as name or name:argument; the first with an opinion decides',
    ),
  replace: replaceMoment(
    'When what runs by an earlier definition (another command or address than configured now) is started anew: once it is not used any more (idle), or at once (now)',
  ).prefault('idle'),
  onExit: z.enum(['keep', 'stop']).prefault('keep').describe('What happens to running unikernels when Jitsu ends'),
});
