import { UsageError } from '../usage-error.js';
import { isCommandName, type CommandName } from './command-summaries.js';

const formats = ['pager', 'plain', 'groff'] as const;

/** The requested help: its format, and the command, or `undefined` for jitsu itself. */
export interface HelpRequest {
  readonly format: (typeof formats)[number];
  readonly command?: CommandName;
}

/**
 * Finds `--help[=FORMAT]`, `-h` or `help` anywhere among the arguments; `undefined` if there is none.
 * @throws UsageError for an unknown format
 */
export function helpRequest(arguments_: readonly string[]): HelpRequest | undefined {
  const wanted = arguments_.find(
    (argument, index) => /^(--help(=.*)?|-h)$/.test(argument) || (index === 0 && argument === 'help'),
  );
  if (wanted === undefined) return undefined;
  const given = wanted.split('=')[1] ?? 'pager';
  const format = formats.find((name) => name === given);
  if (format === undefined) {
    throw new UsageError(`--help: '${given}'. One of ${formats.join(', ')} expected.`);
  }
  const command = arguments_.find((argument) => isCommandName(argument));
  return { format, ...(command !== undefined && { command }) };
}
