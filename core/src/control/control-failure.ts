import { JitsuError, errorMessage, type JitsuErrorCode } from '../errors.js';
import { BadControlRequest } from './control-request.js';

/** The body of an error reply on the control socket. */
export interface ControlFailure {
  readonly code: JitsuErrorCode;
  readonly message: string;
}

const statusOf: Partial<Record<JitsuErrorCode, number>> = {
  JITSU_UNIKERNEL_UNKNOWN: 404,
  JITSU_STOP_MODE_UNSUPPORTED: 400,
  JITSU_STOPPED_BY_COMMAND: 409,
  JITSU_BACKEND_DENIED: 502,
  JITSU_BACKEND_FAILED: 502,
  JITSU_SUMMON_DIED: 502,
  JITSU_SUMMON_FAILED: 502,
  JITSU_BACKEND_UNREACHABLE: 503,
  JITSU_BOOT_QUEUE_FULL: 503,
  JITSU_SUMMON_BACKING_OFF: 503,
  JITSU_SHUTTING_DOWN: 503,
  JITSU_SUMMON_DEADLINE: 504,
};

/** The HTTP status and body of the reply to a failed action. */
export function controlFailure(error: unknown): { readonly status: number; readonly failure: ControlFailure } {
  if (!(error instanceof JitsuError)) {
    return { status: 500, failure: { code: 'JITSU_CONTROL_FAILED', message: errorMessage(error) } };
  }
  const status = error instanceof BadControlRequest ? error.httpStatus : (statusOf[error.code] ?? 500);
  return { status, failure: { code: error.code, message: error.message } };
}
