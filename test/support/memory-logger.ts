import type { Logger } from '#core/contracts/logger.js';

/** A log entry, the fields of its logger included. */
export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps what it is told; its children write into the same list. */
export class MemoryLogger implements Logger {
  constructor(
    readonly entries: LogEntry[] = [],
    private readonly fields: object = {},
  ) {}

  /** All of it as `level: message`. */
  get lines(): string[] {
    return this.entries.map(({ level, message }) => `${level}: ${message}`);
  }

  debug(fields: object, message: string): void {
    this.#add('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#add('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message);
  }

  child(fields: object): MemoryLogger {
    return new MemoryLogger(this.entries, { ...this.fields, ...fields });
  }

  #add(level: LogEntry['level'], fields: object, message: string): void {
    this.entries.push({ level, message, fields: { ...this.fields, ...fields } });
  }
}
