import { z } from 'zod';
import { withShortCut } from './short-cut.js';

/**
 * One text or a list of texts, of which each must be understood; parsed, a list without repetition.
 *
 * @param parse gives undefined for what it does not understand
 * @param expected what to say then
 */
export function oneOrMany(parse: (text: string) => string | undefined, expected: string, description: string) {
  const text = z.string({ error: expected });
  const schema = z
    .union([text, z.array(text).min(1, expected)], { error: expected })
    // One transformation for all, not one for each: there may be a million unikernels.
    .transform((given, context): readonly string[] => {
      if (typeof given === 'string') {
        const parsed = parse(given);
        if (parsed !== undefined) return [parsed];
        context.addIssue(expected);
        return z.NEVER;
      }
      const parsed = given.map(parse);
      for (const [index, value] of parsed.entries()) {
        if (value === undefined)
          context.addIssue({ code: 'custom', message: expected, path: [index], input: given[index] });
      }
      return [...new Set(parsed)] as string[];
    })
    .describe(description);
  return withShortCut(schema, (value) => {
    const parsed = typeof value === 'string' ? parse(value) : undefined;
    return parsed === undefined ? undefined : [parsed];
  });
}
