import type { AnswerLease } from '../../contracts/resolver.js';

/** The lease of what follows from the configuration alone: it never ends, and nobody counts its uses. */
export const LASTING_LEASE: AnswerLease = { holds: true, onEnd: () => undefined };
