import type { Logger } from '#core/contracts/logger.js';

/** A log that remembers what it was told, as `level: message`. */
export class RecordedLog implements Logger {
  readonly lines: string[] = [];

  debug = (_fields: object, message: string): void => void this.lines.push(`debug: ${message}`);
  info = (_fields: object, message: string): void => void this.lines.push(`info: ${message}`);
  warn = (_fields: object, message: string): void => void this.lines.push(`warn: ${message}`);
  error = (_fields: object, message: string): void => void this.lines.push(`error: ${message}`);
  child = (): Logger => this;
}
