import { pino } from 'pino';
import type { Logger } from '../contracts/logger.js';
import { formatLogLine } from './log-line.js';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Default: standard error. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Readable lines instead of JSON; by default only on a terminal. */
  readonly pretty?: boolean;
}

/**
 * Creates the logger: readable lines on a terminal, otherwise one JSON object per line with an ISO `time`, a `level` by
 * name and a `msg`. Each line goes to the stream immediately, so that nothing has to be flushed at the end.
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

/** Ignores write errors: the process must not end because the reader of its log has gone. */
function standardError(): NodeJS.WriteStream {
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
  return process.stderr;
}

function ignore(): void {}
