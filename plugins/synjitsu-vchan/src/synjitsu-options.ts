import { z } from 'zod';

/** The entry under `notifiers.synjitsu`. */
export const synjitsuOptions = z.object({
  uuid: z
    .guid('A UUID such as 6695eb01-f6a4-8304-79aa-97f2502e193f expected.')
    .toLowerCase()
    .describe('The UUID of the domain in which Synjitsu runs'),
});

/** As parsed. */
export type SynjitsuOptions = z.output<typeof synjitsuOptions>;
