import type { DnsAnswer, RecordsAnswer } from '../contracts/resolver.js';
import { JitsuError, type JitsuErrorCode } from '../errors.js';
import { ExtendedErrorCode, Rcode } from './wire/dns-parameters.js';

/** What clients are told of an error. */
interface Kind {
  /** The INFO-CODE (RFC 8914, 4). */
  readonly infoCode: number;
  /** What happened, without what it happened to and why. */
  readonly text: string;
}

const { Other, NotReady, NoReachableAuthority, NetworkError } = ExtendedErrorCode;

/** The errors that a query can meet; docs/dns.md shows this table, too. */
const KINDS: Partial<Record<JitsuErrorCode, Kind>> = {
  JITSU_SUMMON_DEADLINE: { infoCode: NotReady, text: 'not ready within its deadline' },
  JITSU_ROOT_GIVEN_UP: { infoCode: NotReady, text: 'Jitsu has to be restarted to start it' },
  JITSU_SUMMON_BACKING_OFF: { infoCode: NotReady, text: 'it has failed, and is left alone for a while' },
  JITSU_SUMMON_DIED: { infoCode: Other, text: 'it went down before its service answered' },
  JITSU_SUMMON_FAILED: { infoCode: Other, text: 'nobody knows whether its service answers' },
  JITSU_NEED_FAILED: { infoCode: NotReady, text: 'what it needs is not ready' },
  JITSU_ADDRESS_IN_USE: { infoCode: Other, text: 'another program answers at its address' },
  JITSU_BOOT_QUEUE_FULL: { infoCode: NotReady, text: 'too many boot at once: try again' },
  JITSU_STOPPED_BY_COMMAND: { infoCode: NotReady, text: 'it was stopped by command while it booted' },
  JITSU_UNIKERNEL_REMOVED: { infoCode: Other, text: 'it is not configured any more' },
  JITSU_SHUTTING_DOWN: { infoCode: NotReady, text: 'this server is shutting down' },
  JITSU_BACKEND_UNREACHABLE: { infoCode: NetworkError, text: 'its backend does not answer' },
  JITSU_BACKEND_FAILED: { infoCode: Other, text: 'its backend failed' },
  JITSU_FORWARD_FAILED: { infoCode: NoReachableAuthority, text: 'no upstream answered' },
  JITSU_FORWARD_UNREACHABLE: { infoCode: NetworkError, text: 'no upstream can be reached' },
  JITSU_FORWARD_OVERLOADED: { infoCode: NotReady, text: 'too many queries are being forwarded: try again' },
};

const UNNAMED: Kind = { infoCode: Other, text: 'failed' };

/**
 * SERVFAIL with the kind of the error and its code. Its message is for clients who may know details: it can hold what a
 * program wrote last, paths, and the addresses of upstreams. Errors that are not Jitsu's own are told to nobody.
 */
export function failureAnswer(error: unknown): RecordsAnswer {
  if (!(error instanceof JitsuError)) {
    return { rcode: Rcode.ServerFailure, extendedError: { code: Other, text: 'internal error' } };
  }
  const { infoCode, text } = KINDS[error.code] ?? UNNAMED;
  const extendedError = { code: infoCode, text: `${text} (${error.code})`, details: error.message };
  return { rcode: Rcode.ServerFailure, extendedError };
}

/** The answer with the details of its Extended DNS Error as its text. */
export function detailed(answer: DnsAnswer): DnsAnswer {
  const { extendedError } = answer;
  if (extendedError?.details === undefined) return answer;
  return { ...answer, extendedError: { code: extendedError.code, text: extendedError.details } };
}
