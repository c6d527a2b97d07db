import type { Reply } from '../resolve/reply.js';
import { durationText } from './duration-text.js';
import { printable } from './printable.js';
import { textTable } from './text-table.js';

/** A reply with its server, transport and response time. */
export interface TimedReply extends Reply {
  readonly server: string;
  readonly transport: 'UDP' | 'TCP';
  /** The response time in milliseconds. */
  readonly elapsed: number;
}

/** Formats a reply: rcode and flags, the server, the reason of a failure, and the records. */
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
