import { split } from 'shlex';
import { z } from 'zod';

const EXPECTED = "A command line, or a list of its words, such as ['python3', 'server.py'] expected.";

const text = z.string().refine((value) => !value.includes('\0'), 'No NUL character can be in it.');

/** A command: an array of words, or a line that is split as a POSIX shell splits it; no shell ever runs. */
export function commandLine(description: string) {
  return z
    .union([text, z.array(text)], { error: EXPECTED })
    .transform((value, context): [string, ...string[]] => {
      const words = typeof value === 'string' ? wordsOf(value) : value;
      const [program, ...parameters] = words ?? [];
      if (program) return [program, ...parameters];
      const message = words ? 'A program expected.' : 'A quote is never closed, or a backslash has nothing behind it.';
      context.addIssue({ code: 'custom', message, input: value });
      return z.NEVER;
    })
    .describe(description);
}

/** `undefined` where a quote is not closed. */
function wordsOf(line: string): readonly string[] | undefined {
  try {
    return split(line);
  } catch {
    // The only error of the splitter; the caller reports it.
    return undefined;
  }
}
