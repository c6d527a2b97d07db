import type { WordedContribution } from '../contracts/plugin.js';
import type { NamedContributions } from '../plugins/named-contributions.js';
import type { ConfigProblem } from './config-problems.js';
import { nearestWord } from './expectation.js';
import { check, schemaProblems } from './schema-problems.js';

/** A probe or policy as written (`tcp:8080`), with its contribution and its parsed argument. */
export interface Worded<T> {
  readonly words: string;
  readonly contribution: WordedContribution<T>;
  readonly options: unknown;
}

type Reading<T> = Worded<T> | { readonly expected: readonly string[] };

/** The most lists that are remembered: unikernels share only a few. */
const REMEMBERED = 1_000;

/**
 * Parses probes and policies as written (`tcp:8080`). Equal words result in the same object, and the same list in the
 * same list, to save memory.
 */
export class WordedReader<T> {
  readonly #readings = new Map<string, Reading<T>>();
  /** The parsed valid lists, up to a limit. */
  readonly #lists = new Map<readonly string[], readonly Worded<T>[]>();

  #extended:
    { readonly list: readonly Worded<T>[]; readonly words: string; readonly result: readonly Worded<T>[] } | undefined;

  constructor(private readonly contributions: NamedContributions<WordedContribution<T>>) {}

  /** @param pathOf the path of the word with this index */
  read(
    list: readonly string[],
    pathOf: (index: number) => string,
    report: (problem: ConfigProblem) => void,
  ): readonly Worded<T>[] {
    const known = this.#lists.get(list);
    if (known !== undefined) return known;
    const worded = list.flatMap((words, index) => {
      const reading = this.#reading(words);
      if (!('expected' in reading)) return [reading];
      for (const expected of reading.expected) report({ path: pathOf(index), given: `'${words}'`, expected });
      return [];
    });
    if (worded.length === list.length && this.#lists.size < REMEMBERED) this.#lists.set(list, worded);
    return worded;
  }

  /** The list with one more word appended; the same result object if the previous call had the same arguments. */
  with(
    list: readonly Worded<T>[],
    words: string,
    pathOf: () => string,
    report: (problem: ConfigProblem) => void,
  ): readonly Worded<T>[] {
    if (this.#extended?.list === list && this.#extended.words === words) return this.#extended.result;
    const further = this.read([words], pathOf, report);
    const result = [...list, ...further];
    if (further.length > 0) this.#extended = { list, words, result };
    return result;
  }

  #reading(words: string): Reading<T> {
    let reading = this.#readings.get(words);
    if (reading === undefined) {
      reading = this.#parse(words);
      this.#readings.set(words, reading);
    }
    return reading;
  }

  #parse(words: string): Reading<T> {
    const colon = words.indexOf(':');
    const name = colon === -1 ? words : words.slice(0, colon);
    const argument = colon === -1 ? undefined : words.slice(colon + 1);
    const contribution = this.contributions.get(name);
    if (contribution === undefined) return { expected: [this.#unknown(name)] };
    const checked = check(contribution.argument, argument);
    if (checked.success) return { words, contribution, options: checked.data };
    return {
      expected: schemaProblems(checked.issues, argument, () => '').map(({ expected }) => expected),
    };
  }

  #unknown(name: string): string {
    const { kind } = this.contributions;
    const meant = nearestWord(name, this.contributions.names());
    const advice = meant === undefined ? '' : `; did you mean '${meant}'`;
    return `No such ${kind}${advice}${meant === undefined ? '.' : '?'} There are: ${this.contributions.names().join(', ') || 'none'}.`;
  }
}
