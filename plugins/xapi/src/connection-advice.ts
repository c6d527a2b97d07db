import { errorCode, errorMessage } from '@jitsud/core/plugin';
import { apiFailure, inWords } from './api-failure.js';
import { adviceFor } from './failure-advice.js';

const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Is this the address of the pool, and is its toolstack running (`xe-toolstack-restart`)?',
  ENOTFOUND: "Is the host's name right?",
  UND_ERR_CONNECT_TIMEOUT: 'Is the host up, and does a firewall let us through?',
  EPROTO: 'Does this port speak TLS? Without it the URI begins with http://.',
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

/** What to check when a pool cannot be used. */
export function connectionAdvice(error: unknown): string {
  const failure = apiFailure(error);
  if (failure) return adviceFor(failure.code);
  const code = errorCode(error) ?? '';
  if (UNTRUSTED.test(code) || /certificate/i.test(errorMessage(error))) {
    return "Hosts sign their own certificates: copy theirs to a file and name it ('certificate'), or switch the check off ('allowUnauthorized').";
  }
  return BY_CODE[code] ?? 'Does `xe host-list` work on its coordinator?';
}
