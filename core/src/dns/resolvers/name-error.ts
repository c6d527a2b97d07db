import type { DnsAnswer } from '../../contracts/resolver.js';
import { Rcode } from '../wire/dns-parameters.js';
import { HeaderFlag, readRcode } from '../wire/header.js';
import { CheckedAnswer } from '../wire/message-sections.js';

/** Whether an answer says that there is no such name (NXDOMAIN). */
export function isNameError(answer: DnsAnswer): boolean {
  if (!('message' in answer)) return answer.rcode === Rcode.NameError;
  const hasOtherBits = answer instanceof CheckedAnswer && answer.summary.extendedRcode > 0;
  return readRcode(answer.message) === Rcode.NameError && !hasOtherBits;
}

/**
 * The same answer saying that the name has no such data: NXDOMAIN holds for all types of a name (RFC 2308, 5), and would
 * take the addresses from one that has them here. Nobody has proven that (AD).
 */
export function withoutNameError(answer: DnsAnswer): DnsAnswer {
  if (!('message' in answer)) return { ...answer, rcode: Rcode.NoError };
  // The message may be that of others who wait for the same answer.
  const message = Uint8Array.from(answer.message);
  message[3] = (message[3] as number) & ~HeaderFlag.AuthenticData & 0xf0;
  return answer instanceof CheckedAnswer ? answer.withMessage(message) : { ...answer, message };
}
