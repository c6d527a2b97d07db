import { z } from 'zod';
import { commandLine } from '../plugin-kit/command-line.js';

const EXPECTED = "A command such as 'exec:/usr/local/bin/in-use web', or a list of its words behind 'exec:', expected.";
const PREFIX = 'exec:';

const command = commandLine('The command');

/** The command by which a unikernel is kept: its words. */
export type KeepWhile = readonly [string, ...string[]];

/** `exec:COMMAND`, or a list of words of which the first begins with `exec:`. */
export function keepWhile(description: string) {
  const prefixed = z.string({ error: EXPECTED }).refine((text) => text.startsWith(PREFIX), { error: EXPECTED });
  return z
    .union([prefixed, z.tuple([prefixed], z.string(EXPECTED))], { error: EXPECTED })
    .transform((given, context): KeepWhile => {
      const [first, ...rest] = [given].flat();
      const plain = (first ?? '').slice(PREFIX.length);
      const { data, error } = command.safeParse(typeof given === 'string' ? plain : [plain, ...rest]);
      if (data !== undefined) return data;
      for (const { message } of error.issues) context.addIssue({ code: 'custom', message, input: given });
      return z.NEVER;
    })
    .describe(description);
}
