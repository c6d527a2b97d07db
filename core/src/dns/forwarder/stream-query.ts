import { frame } from '../wire/frame-reader.js';
import type { Waiting } from './waiting.js';

/** A query on its way over connections to one upstream. */
export class StreamQuery {
  /** Behind its length; the id is set by the connection. */
  readonly framed: Uint8Array;
  /** How many connections have ended under it. */
  losses = 0;
  /** How many of them, in a row, had brought no answer to anybody. */
  fruitless = 0;
  /** Whether nobody waits for its answer any more. */
  abandoned = false;
  /** Takes it off the connection that it is on. */
  release: (() => void) | undefined;

  constructor(
    message: Uint8Array,
    readonly waiting: Waiting,
  ) {
    this.framed = frame(message);
  }

  /** Nobody waits for its answer any more. */
  abandon(): void {
    this.abandoned = true;
    this.release?.();
  }
}
