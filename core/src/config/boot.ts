import { z } from 'zod';
import { duration } from '../plugin-kit/duration.js';

/** The key `boot`. */
export const bootSchema = z.strictObject({
  limit: z.int().min(1).prefault(8).describe('How many unikernels may boot at once'),
  queue: z.int().min(0).prefault(1_000).describe('How many more may wait for their turn'),
  deadline: duration('How long a summon may take before the clients that wait get SERVFAIL').prefault(30),
  delay: duration('A pause after the boot of a unikernel that has no readiness probes').prefault(0.1),
  firstBackOff: duration(
    'How long a unikernel is left alone after a failed summon; doubles with each further one',
  ).prefault(1),
  longestBackOff: duration('The longest that it is left alone').prefault(300),
});

/** The checked boot settings: durations in milliseconds. */
export type BootSettings = Readonly<z.output<typeof bootSchema>>;
