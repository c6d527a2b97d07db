import { pino } from 'pino';
import type { Logger } from '../contracts/logger.js';
import { isJournal } from './is-journal.js';
import { journalLine, textLine } from './log-line.js';
import { LogOutput, type LogStream } from './log-output.js';

/** How the log is written: as lines for people, as JSON, as lines with a level for systemd's journal. */
export type LogFormat = 'text' | 'json' | 'journal';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Default: standard error. */
  readonly stream?: LogStream;
  /** By default, `auto`: text on a terminal, journal where the stream is one of systemd's journal, else JSON. */
  readonly format?: LogFormat | 'auto';
}

/**
 * Creates the logger. JSON is one object per line with an ISO `time`, a `level` by name and a `msg`. Each line goes to
 * the stream immediately, so that nothing has to be flushed at the end. What cannot be written is counted, and told by
 * the next line that can be.
 */
export function createLogger({ level, stream = process.stderr, format = 'auto' }: LoggerOptions): Logger {
  const colours = stream.isTTY === true && !process.env['NO_COLOR'];
  const formats: Readonly<Record<LogFormat, (json: string) => string>> = {
    text: (json) => textLine(json, colours),
    journal: journalLine,
    json: (json) => json,
  };
  const written = formats[format === 'auto' ? formatFor(stream) : format];
  const output = new LogOutput(stream, (msg) => {
    return written(`${JSON.stringify({ level: 'warn', time: new Date().toISOString(), msg })}\n`);
  });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    { write: (line) => output.write(written(line)) },
  );
}

function formatFor({ isTTY, fd }: LogStream): LogFormat {
  if (isTTY === true) return 'text';
  return fd !== undefined && isJournal(fd) ? 'journal' : 'json';
}
