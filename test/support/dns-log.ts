import type { Logger } from '#core/contracts/logger.js';

/** A log that remembers what it is told. */
export class DnsLog implements Logger {
  readonly entries: { level: 'debug' | 'info' | 'warn' | 'error'; fields: object; message: string }[] = [];

  debug(fields: object, message: string): void {
    this.entries.push({ level: 'debug', fields, message });
  }

  info(fields: object, message: string): void {
    this.entries.push({ level: 'info', fields, message });
  }

  warn(fields: object, message: string): void {
    this.entries.push({ level: 'warn', fields, message });
  }

  error(fields: object, message: string): void {
    this.entries.push({ level: 'error', fields, message });
  }

  child(): Logger {
    return this;
  }

  /** What was said at this level. */
  at(level: 'debug' | 'info' | 'warn' | 'error'): string[] {
    return this.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  }
}
