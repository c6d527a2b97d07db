import type { RecordsAnswer } from '../contracts/resolver.js';
import { JitsuError, type JitsuErrorCode } from '../errors.js';
import { ExtendedErrorCode, Rcode } from './wire/dns-parameters.js';

/**
 * The INFO-CODE (RFC 8914, 4) for each error code; `Other` for all that are not listed. docs/dns.md shows this table,
 * too.
 */
const INFO_CODES: Partial<Record<JitsuErrorCode, number>> = {
  JITSU_SUMMON_DEADLINE: ExtendedErrorCode.NotReady,
  JITSU_SUMMON_BACKING_OFF: ExtendedErrorCode.NotReady,
  JITSU_BOOT_QUEUE_FULL: ExtendedErrorCode.NotReady,
  JITSU_STOPPED_BY_COMMAND: ExtendedErrorCode.NotReady,
  JITSU_SHUTTING_DOWN: ExtendedErrorCode.NotReady,
  JITSU_BACKEND_UNREACHABLE: ExtendedErrorCode.NetworkError,
  JITSU_FORWARD_FAILED: ExtendedErrorCode.NoReachableAuthority,
  JITSU_FORWARD_OVERLOADED: ExtendedErrorCode.NotReady,
};

/** SERVFAIL with the reason as far as clients may know it: the text of Jitsu's own errors, and of no others. */
export function failureAnswer(error: unknown): RecordsAnswer {
  const extendedError =
    error instanceof JitsuError
      ? { code: INFO_CODES[error.code] ?? ExtendedErrorCode.Other, text: error.message }
      : { code: ExtendedErrorCode.Other, text: 'internal error' };
  return { rcode: Rcode.ServerFailure, extendedError };
}
