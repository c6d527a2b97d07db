import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

const colourOf: Record<string, Format> = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' };

interface LogObject {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/**
 * Formats a JSON log line for people: `21:04:05.123 info  hello: ready after 84 ms  backend=process`, in local time.
 * The field `event` is omitted, since the message says the same; an unexpected error is followed by its stack.
 */
export function formatLogLine(json: string, colours: boolean): string {
  const { level, time, msg, event: _event, ...fields } = JSON.parse(json) as LogObject;
  const paint = (format: Format, text: string) => (colours ? styleText(format, text, { validateStream: false }) : text);
  const details = Object.entries(fields).map(([name, value]) => `${name}=${formatValue(value)}`);
  const line = [
    paint('dim', clockTime(new Date(time))),
    paint(colourOf[level] ?? 'reset', level.padEnd(5)),
    printable(msg ?? ''),
    ...(details.length > 0 ? ['', paint('dim', printable(details.join(' ')))] : []),
  ].join(' ');
  return `${line.trimEnd()}\n${stackOf(fields['error'] ?? fields['err'])}`;
}

function clockTime(time: Date): string {
  const digits = (value: number, count = 2) => String(value).padStart(count, '0');
  const ofDay = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => digits(part)).join(':');
  return `${ofDay}.${digits(time.getMilliseconds(), 3)}`;
}

function formatValue(value: unknown): string {
  if (isSerializedError(value)) return JSON.stringify(value.message);
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function stackOf(error: unknown): string {
  if (!isSerializedError(error) || error.type === 'JitsuError' || error.stack === undefined) return '';
  return `${error.stack.replace(/^/gm, '    ').split('\n').map(printable).join('\n')}\n`;
}

function isSerializedError(value: unknown): value is { type: string; message: string; stack?: string } {
  return typeof value === 'object' && value !== null && 'type' in value && 'message' in value && 'stack' in value;
}

/** Escapes control characters: names come from the network and must not send commands to the terminal. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
