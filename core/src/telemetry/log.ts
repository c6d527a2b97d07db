import { pino } from 'pino';
import type { Logger } from '../contracts/logger.js';
import { formatLogLine } from './log-line.js';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Standard error where absent. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Readable lines in place of JSON; where absent, on a terminal only. */
  readonly pretty?: boolean;
}

/**
 * Makes the log: lines for people on a terminal, and elsewhere an object of JSON a line, with an ISO `time`, a `level`
 * by name and a `msg`. It writes to the stream at once, so that nothing is left to flush at the end.
 */
export function createLogger({ level, stream = standardError(), pretty }: LoggerOptions): Logger {
  const isPretty = pretty ?? stream.isTTY === true;
  const colours = stream.isTTY === true && !process.env['NO_COLOR'];
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    { write: (line) => void stream.write(isPretty ? formatLogLine(line, colours) : line) },
  );
}

/** A log whose reader has gone must not end the process. */
function standardError(): NodeJS.WriteStream {
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
  return process.stderr;
}

function ignore(): void {}
