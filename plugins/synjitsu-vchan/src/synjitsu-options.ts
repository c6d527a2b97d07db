import { uuid } from '@jitsud/core/plugin';
import { z } from 'zod';

/** The entry under `notifiers.synjitsu`. */
export const synjitsuOptions = z.object({
  uuid: uuid().describe('The UUID of the domain in which Synjitsu runs'),
});

const YES_OR_NO = 'true, false, 1 or 0 expected.';

/** The key that every unikernel may have. */
export const synjitsuKeys = z.object({
  useSynjitsu: z
    .union([z.boolean(), z.literal([0, 1, '0', '1', 'true', 'false'])], { error: YES_OR_NO })
    .transform((value) => value === true || value === 1 || value === '1' || value === 'true')
    .meta({ title: 'boolean' })
    .optional()
    .describe('Whether Synjitsu is told of it; true where absent'),
});

/** The parsed keys. */
export type SynjitsuKeys = z.output<typeof synjitsuKeys>;

/** The parsed options. */
export type SynjitsuOptions = z.output<typeof synjitsuOptions>;
