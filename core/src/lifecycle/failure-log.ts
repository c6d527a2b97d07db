import type { Logger } from '../contracts/logger.js';

/** Messages that differ each time must not fill the log. */
const MOST_KINDS = 8;

/** Logs each kind of failure of one part once, as an error. */
export class FailureLog {
  #logged: Set<string> | undefined;

  constructor(private readonly logger: Logger) {}

  /** @param kind logged once @param sentence what is logged */
  add(kind: string, sentence: string, error?: unknown): void {
    this.#logged ??= new Set();
    if (this.#logged.has(kind) || this.#logged.size >= MOST_KINDS) return;
    this.#logged.add(kind);
    this.logger.error({ err: error }, sentence);
  }
}
