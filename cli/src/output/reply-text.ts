import type { Reply } from '../resolve/reply.js';
import { durationText } from './duration-text.js';
import { printable } from './printable.js';
import { textTable } from './text-table.js';

/** A reply, from whom, and how long it took. */
export interface TimedReply extends Reply {
  readonly server: string;
  readonly transport: 'UDP' | 'TCP';
  /** In milliseconds. */
  readonly elapsed: number;
}

/** A reply for people: what came back, from whom, why it failed, and the records. */
export function replyText({ rcode, flags, server, transport, elapsed, extendedErrors, records }: TimedReply): string {
  const head = `${rcode} from ${server} over ${transport} in ${durationText(elapsed)} (flags: ${flags.join(' ') || 'none'})`;
  const errors = extendedErrors.map(({ code, meaning, text }) =>
    [`EDE ${code}${meaning === undefined ? '' : ` (${meaning})`}`, printable(text)]
      .filter((part) => part !== '')
      .join(': '),
  );
  const lines = [head, ...errors].join('\n');
  if (records.length === 0) return `${lines}\n\nNo records.\n`;
  const table = textTable(
    [
      { head: 'SECTION', cell: ({ section }) => section },
      { head: 'NAME', cell: ({ name }) => printable(name) },
      { head: 'TTL', align: 'right', cell: ({ ttl }) => String(ttl) },
      { head: 'TYPE', cell: ({ type }) => type },
      { head: 'DATA', cell: ({ data }) => printable(data) },
    ],
    records,
  );
  return `${lines}\n\n${table}`;
}
