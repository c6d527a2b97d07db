import { JitsuError } from '../errors.js';

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** Where: `unikernels[1].ip`, `--ttl`, or `"dns=a.test,ip=x" → ip`. */
  readonly path: string;
  /** What stands there, as it may be printed; absent where nothing does. */
  readonly given?: string;
  /** What should stand there instead, or what to do: whole sentences. */
  readonly expected: string;
  /** The code of the error behind it, where there is one: a plugin that was not found, say. */
  readonly code?: string;
}

/** JITSU_CONFIG_INVALID: everything that is wrong with the configuration, in one go. */
export class ConfigProblems extends JitsuError {
  /** @param source what was read: the file's path, or `the command line` */
  constructor(
    source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const count = problems.length === 1 ? 'a problem' : `${String(problems.length)} problems`;
    super(
      'JITSU_CONFIG_INVALID',
      [`${source} has ${count}:`, ...problems.map((problem) => `  ${inWords(problem)}`)].join('\n'),
    );
  }
}

function inWords({ path, given, expected }: ConfigProblem): string {
  return `${path}: ${given ?? 'missing'}. ${expected}`;
}
