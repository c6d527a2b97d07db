import { z } from 'zod';

const EXPECTED = "'none', or { user: … } with a user of Jitsu's own expected.";
const USER = 'The name or number of a user other than root expected.';

/** The key `privileges`. */
export const privilegesSchema = z
  .union(
    [
      z.literal('none'),
      z.strictObject({
        user: z
          .union([z.string().min(1), z.int().min(1).max(4_294_967_294)], { error: USER })
          .refine((user) => user !== 'root' && user !== '0', USER)
          .optional()
          .describe(
            'Whom `jitsu start` becomes where root has started it: no person, and no user of a program. Where absent, ' +
              'the account jitsu, or a number that no account has where there is none such',
          ),
      }),
    ],
    { error: EXPECTED },
  )
  .describe("How `jitsu start` gives up root; 'none' where it does not");
