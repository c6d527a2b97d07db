import { errorCode } from './error-code.js';
import { UsageError } from './usage-error.js';

/** The exit statuses: success, failure, and invalid command line or configuration. */
export const ExitStatus = { ok: 0, failed: 1, usage: 2 } as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

const configurationCodes = /^JITSU_(CONFIG_|PLUGIN_|UNIKERNEL_INVALID$|STOP_MODE_UNSUPPORTED$)/;

/** 2 for an invalid command line or configuration, 1 for every other error. */
export function exitStatusOf(error: unknown): ExitStatus {
  if (error instanceof UsageError) return ExitStatus.usage;
  return configurationCodes.test(errorCode(error) ?? '') ? ExitStatus.usage : ExitStatus.failed;
}
