import { crc32 } from 'node:zlib';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import { shapeCheck, type Shape } from '../plugin-kit/value-shape.js';

/** The kinds of records, each of which has its table. */
export interface RecordKinds {
  registration: StoredRegistration;
  counters: StoredCounters;
  event: LifecycleEvent;
}

export type RecordKind = keyof RecordKinds;

/** A row of a table: the key of the record, its JSON, and the checksum of both. */
export type StoredRow = readonly [key: string | number, json: string, checksum: number];

/** What of each record is read after a restart. */
const SHAPES: Readonly<Record<RecordKind, Shape>> = {
  registration: {
    ...{ unikernel: 'string', id: 'string', backend: 'string', names: ['string'], addresses: ['string'] },
    ...{ ttl: 'number', stopMode: 'string' },
  },
  counters: {
    ...{ unikernel: 'string', 'startedAt?': 'number', totalStarts: 'number', 'keptUntil?': 'number' },
    'readyTimes?': { 'start?': ['number'], 'resume?': ['number'] },
    names: [{ name: 'string', requests: 'number', 'lastAsked?': 'number' }],
  },
  event: {
    ...{ kind: 'string', at: 'number', unikernel: 'string', id: 'string', backend: 'string', state: 'string' },
    ...{ 'code?': 'string', 'reason?': 'string', 'duration?': 'number', 'domainId?': 'number' },
    ...{ addresses: ['string'], macs: ['string'] },
    'cause?': { kind: 'string', 'name?': 'string', 'type?': 'string', 'client?': 'string' },
  },
};

/** Made once: a start looks at every record. */
const CHECKS = Object.fromEntries(Object.entries(SHAPES).map(([kind, shape]) => [kind, shapeCheck(shape)])) as Record<
  RecordKind,
  (value: unknown) => boolean
>;

/** The key of what belongs to a unikernel: its name in a form that SQLite gives back as it was. */
export function keyOf(unikernel: string): string {
  // SQLite ends a text at a NUL, and half of a surrogate pair has no bytes in UTF-8.
  return Buffer.from(unikernel).toString().replaceAll('\0', '\ufffd');
}

/** The row in which a record is kept. SQLite itself has no checksums. */
export function rowOf(key: string | number, json: string): StoredRow {
  return [key, json, checksumOf(key, json)];
}

/** Whether a row is what was once written. */
export function isIntact([key, json, checksum]: StoredRow): boolean {
  return checksum === checksumOf(key, json);
}

/** Whether a row is a record of its kind, as it was once written. */
export function isRecord(kind: RecordKind, row: StoredRow): boolean {
  if (!isIntact(row)) return false;
  const [key, json] = row;
  try {
    const record = JSON.parse(json) as RecordKinds[RecordKind];
    return (
      CHECKS[kind](record) && (typeof key === 'number' || key === record.unikernel || key === keyOf(record.unikernel))
    );
  } catch {
    return false;
  }
}

function checksumOf(key: string | number, json: string): number {
  return crc32(json, crc32(String(key)));
}
