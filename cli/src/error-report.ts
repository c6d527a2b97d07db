import { errorCode } from './error-code.js';
import { printable } from './output/printable.js';
import { UsageError } from './usage-error.js';

/**
 * The text of an error on stderr: `jitsu: CODE  message` for a JitsuError, `jitsu: message` for any other, and for a
 * usage error also the help to consult.
 */
export function errorReport(error: unknown, { stack }: { readonly stack: boolean }): string {
  if (!(error instanceof Error)) return `jitsu: ${printable(String(error))}\n`;
  const own = errorCode(error);
  const code = own?.startsWith('JITSU_') ? `${own}  ` : '';
  const lines = [`jitsu: ${code}${error.message}`];
  if (error instanceof UsageError) {
    lines.push(`Try 'jitsu ${error.command === undefined ? '' : `${error.command} `}--help'.`);
  }
  if (stack) lines.push(stackOf(error));
  // A message may hold what others have written.
  return `${lines.join('\n').replaceAll(/[^\n\t]+/g, printable)}\n`;
}

function stackOf(error: Error): string {
  const own = error.stack ?? '';
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}
