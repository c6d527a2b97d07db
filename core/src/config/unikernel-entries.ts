import { givenValue } from './given-value.js';
import type { ProblemList } from './problem-list.js';
import { UnikernelEntry } from './unikernel-entry.js';
import { parseWords } from './words.js';

const LONGEST_ORIGIN = 60;

/** All unikernels of a configuration, those of the file first, then those in words. */
export function unikernelEntries(
  fromFile: unknown,
  words: readonly string[],
  problems: ProblemList,
): readonly UnikernelEntry[] {
  return [...fileEntries(fromFile, problems), ...words.map((text) => wordEntry(text, problems))];
}

function fileEntries(unikernels: unknown, problems: ProblemList): readonly UnikernelEntry[] {
  if (unikernels === undefined) return [];
  if (!Array.isArray(unikernels)) {
    problems.add({ path: 'unikernels', given: String(givenValue(unikernels)), expected: 'A list expected.' });
    return [];
  }
  return unikernels.flatMap((written: unknown, index) => {
    const origin = `unikernels[${String(index)}]`;
    if (typeof written === 'object' && written !== null && !Array.isArray(written)) {
      return [new UnikernelEntry(origin, written as Record<string, unknown>, false)];
    }
    problems.add({
      path: origin,
      given: givenValue(written) ?? 'undefined',
      expected: 'A unikernel such as { name, dns, ip } expected.',
    });
    return [];
  });
}

function wordEntry(text: string, problems: ProblemList): UnikernelEntry {
  const short = text.length <= LONGEST_ORIGIN ? text : `${text.slice(0, LONGEST_ORIGIN - 1)}…`;
  const { entry, malformed } = parseWords(text);
  for (const part of malformed) {
    problems.add({
      path: `"${short}"`,
      given: `'${part}'`,
      expected: 'key=value expected; a comma inside a value is written \\, with a backslash.',
    });
  }
  return new UnikernelEntry(`"${short}"`, entry, true);
}
