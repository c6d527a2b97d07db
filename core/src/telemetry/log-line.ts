import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

const colourOf: Record<string, Format> = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' };

interface LogObject {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** The levels of syslog(3), by which systemd's journal keeps lines. */
const priorityOf: Record<string, number> = { debug: 7, info: 6, warn: 4, error: 3 };

/**
 * Formats a JSON log line for people: `21:04:05.123 info  hello: ready after 84 ms  backend=process`, in local time.
 * The field `event` is omitted, since the message says the same; an unexpected error is followed by its stack.
 */
export function textLine(json: string, colours: boolean): string {
  const entry = JSON.parse(json) as LogObject;
  const { level, time } = entry;
  const paint = (format: Format, text: string) => (colours ? styleText(format, text, { validateStream: false }) : text);
  const head = `${paint('dim', clockTime(new Date(time)))} ${paint(colourOf[level] ?? 'reset', level.padEnd(5))}`;
  return `${`${head} ${contentOf(entry, (fields) => paint('dim', fields))}`.trimEnd()}\n${stackOf(entry)}`;
}

/**
 * Formats a JSON log line for systemd's journal, which has the time by itself and takes the level from the head of each
 * line (sd-daemon(3)): `<4>hello: died: exit status 1  backend=process`.
 */
export function journalLine(json: string): string {
  const entry = JSON.parse(json) as LogObject;
  const text = `${contentOf(entry, (fields) => fields)}\n${stackOf(entry)}`;
  return text.replace(/^(?=.)/gm, `<${priorityOf[entry.level] ?? 6}>`);
}

/** The message and the fields. */
function contentOf({ level: _level, time: _time, msg, event: _event, ...fields }: LogObject, show: Show): string {
  const details = Object.entries(fields).map(([name, value]) => `${name}=${formatValue(value)}`);
  return [printable(msg ?? ''), ...(details.length > 0 ? ['', show(printable(details.join(' ')))] : [])].join(' ');
}

type Show = (fields: string) => string;

function clockTime(time: Date): string {
  const digits = (value: number, count = 2) => String(value).padStart(count, '0');
  const ofDay = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => digits(part)).join(':');
  return `${ofDay}.${digits(time.getMilliseconds(), 3)}`;
}

function formatValue(value: unknown): string {
  if (isSerializedError(value)) return JSON.stringify(value.message);
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function stackOf(entry: LogObject): string {
  const error = entry['error'] ?? entry['err'];
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
