import { pino } from 'pino';
import type { Logger } from '../contracts/logger.js';
import { formatLogLine } from './log-line.js';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Standard error where absent. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** For people rather than programs; where absent, so it is on a terminal. */
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

/** A log that nobody reads any more must not end what it tells of. */
function standardError(): NodeJS.WriteStream {
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
  return process.stderr;
}

function ignore(): void {}
