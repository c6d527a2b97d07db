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
    more: Pick<MessageAnswer, 'reusableUntil' | 'extendedError'> = {},
  ) {
    if (more.reusableUntil !== undefined) this.reusableUntil = more.reusableUntil;
    if (more.extendedError !== undefined) this.extendedError = more.extendedError;
  }
}
