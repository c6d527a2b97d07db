import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { ExtendedError, MessageAnswer } from '../../contracts/resolver.js';
import type { MessageOutline } from './message-outline.js';

/** A message that was found well-formed, and to answer the question, before: it is passed on without another look. */
export class OutlinedAnswer implements MessageAnswer {
  declare readonly reusableUntil?: Milliseconds;
  declare readonly extendedError?: ExtendedError;

  constructor(
    readonly message: Uint8Array,
    readonly outline: MessageOutline,
    reusableUntil?: Milliseconds,
    extendedError?: ExtendedError,
  ) {
    if (reusableUntil !== undefined) this.reusableUntil = reusableUntil;
    if (extendedError !== undefined) this.extendedError = extendedError;
  }
}
