import { errorCode, errorMessage } from '@jitsud/core/plugin';
import { apiFailure, inWords } from './api-failure.js';
import { adviceFor } from './failure-advice.js';

const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Is this the address of the pool, and is its toolstack running (`xe-toolstack-restart`)?',
  ENOTFOUND: "Is the host's name right?",
  UND_ERR_CONNECT_TIMEOUT: 'Is the host up, and does a firewall let us through?',
};

const UNTRUSTED = /CERT|SIGNATURE|ALTNAME/;

/** What went wrong, in the words of the layer that noticed it. */
export function connectionFailure(error: unknown): string {
  const failure = apiFailure(error);
  if (failure) return inWords(failure);
  // Several addresses of one name were tried, and each failed with its own error.
  if (error instanceof AggregateError) return error.errors.map(errorMessage).join('; ');
  return errorMessage(error);
}

/** Whether the same attempt will fail later, too: the other side is none that is trusted, or does not speak TLS. */
export function willLast(error: unknown): boolean {
  return apiFailure(error) === undefined && (isNoTls(error) || isUntrusted(error));
}

function isNoTls(error: unknown): boolean {
  return /^(?:EPROTO|ERR_SSL_)/.test(errorCode(error) ?? '') || errorMessage(error).includes('wrong version number');
}

function isUntrusted(error: unknown): boolean {
  return UNTRUSTED.test(errorCode(error) ?? '') || /certificate/i.test(errorMessage(error));
}

/** What to check when a pool cannot be used. */
export function connectionAdvice(error: unknown): string {
  const failure = apiFailure(error);
  if (failure) return adviceFor(failure.code);
  if (isUntrusted(error)) {
    return "Hosts sign their own certificates: copy theirs to a file and name it ('certificate'), or switch the check off ('allowUnauthorized').";
  }
  if (isNoTls(error)) return 'Does this port speak TLS? Without it the URI begins with http://.';
  return BY_CODE[errorCode(error) ?? ''] ?? 'Does `xe host-list` work on its coordinator?';
}
