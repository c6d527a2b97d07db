import { split } from 'shlex';
import { z } from 'zod';

const EXPECTED = `A command line such as "python3 -m http.server" expected, or a list of its words.`;

/** A command: a list of words, or a line that is split as a POSIX shell splits it, though no shell ever runs. */
export function commandLine(description: string) {
  return z
    .union([z.array(z.string()), z.string()], { error: EXPECTED })
    .transform((given, context): readonly [string, ...string[]] => {
      const [program, ...parameters] = words(given);
      if (program) return [program, ...parameters];
      context.addIssue(EXPECTED);
      return z.NEVER;
    })
    .describe(description);
}

function words(given: string | readonly string[]): readonly string[] {
  if (typeof given !== 'string') return given;
  try {
    return split(given);
  } catch {
    // An open quote: the caller answers with what was expected, which says more than the splitter does.
    return [];
  }
}
