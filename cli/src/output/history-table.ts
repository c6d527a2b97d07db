import type { LifecycleEvent, WakeCause } from '@jitsud/core';
import { durationText } from './duration-text.js';
import { fullMomentText } from './moment-text.js';
import { printable } from './printable.js';
import { textTable } from './text-table.js';

/** The history as a table with one line per event, oldest first. */
export function historyTable(events: readonly LifecycleEvent[]): string {
  if (events.length === 0) return 'Nothing has happened yet.\n';
  return textTable(
    [
      { head: 'TIME', cell: ({ at }) => fullMomentText(at) },
      { head: 'UNIKERNEL', cell: ({ unikernel }) => printable(unikernel) },
      { head: 'EVENT', cell: ({ kind }) => printable(kind) },
      { head: 'TOOK', align: 'right', cell: ({ duration }) => (duration === undefined ? '-' : durationText(duration)) },
      { head: 'WHY', cell: why },
    ],
    events,
  );
}

function why({ cause, code, reason }: LifecycleEvent): string {
  const parts = [cause === undefined ? undefined : causeText(cause), code, reason];
  return (
    parts
      .map((part) => (part === undefined ? '' : printable(part)))
      .filter((part) => part !== '')
      .join('  ') || '-'
  );
}

function causeText(cause: WakeCause): string {
  if (cause.kind === 'command') return 'jitsu summon';
  if (cause.kind === 'need') return `${cause.of} needs it`;
  if (cause.kind === 'group') return `woken with ${cause.of}, of its group`;
  if (cause.kind === 'replacement') return 'started anew by its present definition';
  if (cause.kind === 'knock') return `woken by ${cause.protocol}/${cause.port} from ${cause.from}`;
  return `${cause.client} asked for ${cause.name} ${cause.type}`;
}
