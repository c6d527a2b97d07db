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
  return fileEntries(fromFile, problems).concat(words.map((text) => wordEntry(text, problems)));
}

function fileEntries(unikernels: unknown, problems: ProblemList): readonly UnikernelEntry[] {
  if (unikernels === undefined) return [];
  if (!Array.isArray(unikernels)) {
    problems.add({ path: 'unikernels', given: String(givenValue(unikernels)), expected: 'A list expected.' });
    return [];
  }
  const entries: UnikernelEntry[] = [];
  for (const [index, written] of (unikernels as readonly unknown[]).entries()) {
    if (typeof written === 'object' && written !== null && !Array.isArray(written)) {
      entries.push(new UnikernelEntry(index, written as Record<string, unknown>));
      continue;
    }
    problems.add({
      path: `unikernels[${String(index)}]`,
      given: givenValue(written) ?? 'undefined',
      expected: 'A unikernel such as { name, dns, ip } expected.',
    });
  }
  return entries;
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
  return new UnikernelEntry(`"${short}"`, entry);
}
