import type { RecordsAnswer } from '../../contracts/resolver.js';
import { Rcode } from '../wire/dns-parameters.js';

/**
 * Asks for a proof that the source is no forgery. It says AA, because glibc takes an empty answer with neither AA nor RA
 * for that of a server which knows nothing, and does not come back over TCP.
 */
export const PROOF_WANTED: RecordsAnswer = { rcode: Rcode.NoError, authoritative: true, wantsProof: true };
