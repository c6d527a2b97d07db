import { errorCode } from './error-code.js';
import { UsageError } from './usage-error.js';

/** What a command tells the shell: it worked, it failed, or it could not even begin with what it was given. */
export const ExitStatus = { ok: 0, failed: 1, usage: 2 } as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

const configurationCodes = /^JITSU_(CONFIG_|PLUGIN_|UNIKERNEL_INVALID$|STOP_MODE_UNSUPPORTED$)/;

/** 2 for a command line or configuration that cannot work as it is written, 1 for everything else that fails. */
export function exitStatusOf(error: unknown): ExitStatus {
  if (error instanceof UsageError) return ExitStatus.usage;
  return configurationCodes.test(errorCode(error) ?? '') ? ExitStatus.usage : ExitStatus.failed;
}
