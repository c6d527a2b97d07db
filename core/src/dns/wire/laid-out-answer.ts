import type { MessageLayout } from './message-layout.js';
import { outlineOf } from './message-outline.js';
import { OutlinedAnswer } from './outlined-answer.js';

/** A message that was found well-formed, and to answer the question, with all that was found. */
export class LaidOutAnswer extends OutlinedAnswer {
  constructor(
    message: Uint8Array,
    readonly layout: MessageLayout,
  ) {
    super(message, outlineOf(layout));
  }
}
